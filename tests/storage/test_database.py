"""The contract of ``Database``, on every backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.types import UtcDateTime
from tests.storage.racing import race

metadata = MetaData()
parent = Table("parent", metadata, Column("id", Integer, primary_key=True), Column("count", Integer))
child = Table(
    "child",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent_id", ForeignKey("parent.id")),
    Column("name", String, unique=True),
    Column("at", UtcDateTime),
)


@pytest.fixture(autouse=True)
def tables(database: Database) -> None:
    with database.alter() as connection:
        metadata.create_all(connection)
        connection.execute(insert(parent).values(id=1, count=0))


def count(connection: Connection) -> int | None:
    return connection.scalar(select(parent.c.count).where(parent.c.id == 1))


def test_what_was_written_is_read_by_the_next_transaction(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(parent).values(count=7))
    with database.read() as connection:
        assert count(connection) == 7


def test_an_exception_rolls_back_and_passes_unchanged(database: Database) -> None:
    def write_and_raise() -> None:
        with database.write() as connection:
            connection.execute(update(parent).values(count=7))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_and_raise()
    with database.read() as connection:
        assert count(connection) == 0


def test_a_change_of_tables_rolls_back_as_a_whole(database: Database) -> None:
    def alter_and_raise() -> None:
        with database.alter() as connection:
            connection.execute(text("CREATE TABLE half (id INTEGER)"))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        alter_and_raise()
    with database.alter() as connection:
        connection.execute(text("CREATE TABLE half (id INTEGER)"))


def test_a_read_sees_one_snapshot_while_others_write(database: Database) -> None:
    with database.read() as reading:
        assert count(reading) == 0
        with database.write() as writing:
            writing.execute(update(parent).values(count=7))
        assert count(reading) == 0
    with database.read() as reading:
        assert count(reading) == 7


def test_a_write_inside_a_read_is_an_error_and_not_lost_in_silence(database: Database) -> None:
    with pytest.raises(StorageUnavailable), database.read() as connection:
        connection.execute(update(parent).values(count=7))
    with database.write() as connection:
        connection.execute(update(parent).values(count=8))


def test_writers_wait_for_each_other_and_no_write_is_lost(database: Database) -> None:
    def add_one(_number: int) -> None:
        with database.write() as connection:
            connection.execute(update(parent).values(count=parent.c.count + 1))

    race(30, add_one)
    with database.read() as connection:
        assert count(connection) == 30


def test_a_conditional_update_has_one_winner(database: Database) -> None:
    def spend(number: int) -> int:
        with database.write() as connection:
            spent = update(parent).where(parent.c.id == 1, parent.c.count == 0).values(count=number + 1)
            return connection.execute(spent).rowcount

    assert sorted(race(30, spend)) == [0] * 29 + [1]


@pytest.mark.parametrize("row", [{"id": 2, "parent_id": 99}, {"id": 2, "name": "taken"}, {"id": 1}])
def test_a_broken_constraint_is_an_integrity_error(database: Database, row: dict[str, object]) -> None:
    with database.write() as connection:
        connection.execute(insert(child).values(id=1, parent_id=1, name="taken"))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(child).values(**row))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(delete(parent))


def test_a_mistake_in_a_statement_is_not_an_unavailable_store(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_an_error_never_shows_the_values_of_its_statement(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised, database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere WHERE a = :a"), {"a": "s3cret"})
    assert "s3cret" not in str(raised.value)


def test_no_connection_free_in_time_is_an_unavailable_store(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.storage.database._POOL_TIMEOUT", 0.05)
    small = Database(database_url, pool_size=1)
    with small.read(), pytest.raises(StorageUnavailable), small.read():
        pass
    with small.read():
        pass
    small.dispose()


def test_a_disposed_database_connects_again(database: Database) -> None:
    database.dispose()
    with database.read() as connection:
        assert count(connection) == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/idp"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected sqlite"):
        Database(url)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
        datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Monaco"), fold=1),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_a_moment_comes_back_the_same_and_in_utc(database: Database, moment: datetime) -> None:
    with database.write() as connection:
        connection.execute(insert(child).values(id=1, at=moment))
    with database.read() as connection:
        kept = connection.execute(select(child.c.at)).scalar_one()
        assert kept == moment.astimezone(UTC)
        assert kept is not None
        assert kept.tzinfo is UTC


def test_moments_sort_and_compare_by_when_they_are(database: Database) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    later_elsewhere = datetime(2026, 3, 1, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=-4)))
    earlier_elsewhere = datetime(2026, 3, 1, 20, tzinfo=timezone(timedelta(hours=9)))
    with database.write() as connection:
        rows = [{"id": 1, "at": later_elsewhere}, {"id": 2, "at": noon}, {"id": 3, "at": earlier_elsewhere}]
        connection.execute(insert(child), [*rows, {"id": 4, "at": None}])
    with database.read() as connection:
        ordered = select(child.c.id).where(child.c.at.is_not(None)).order_by(child.c.at)
        assert list(connection.scalars(ordered)) == [3, 2, 1]
        assert list(connection.scalars(select(child.c.id).where(child.c.at > noon))) == [1]
        assert list(connection.scalars(select(child.c.id).where(child.c.at <= noon).order_by("id"))) == [2, 3]


def test_a_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), database.write() as connection:
        connection.execute(insert(child).values(id=1, at=datetime(2026, 3, 1)))  # noqa: DTZ001


def test_a_servers_own_time_is_told_in_utc_and_sqlite_has_none(database: Database) -> None:
    before, shown = datetime.now(UTC), database.server_time()
    if database.engine.dialect.name == "sqlite":
        assert shown is None
    else:
        assert shown is not None
        assert abs(shown - before) < timedelta(minutes=1)
        assert shown.tzinfo is UTC


def test_a_change_of_rows_is_told_before_its_transaction_returns_and_after_it_counts(
    database: Database,
) -> None:
    told: list[int | None] = []

    def look() -> None:
        with database.read() as connection:
            told.append(count(connection))

    database.on_change([parent], look)
    with database.write() as connection:
        connection.execute(update(parent).values(count=7))
        assert told == []
    assert told == [7]
    with database.write() as connection:
        connection.execute(delete(parent))
    assert told == [7, None]


def test_what_changes_no_row_of_the_tables_is_not_told(database: Database) -> None:
    told: list[bool] = []
    database.on_change([parent], lambda: told.append(True))
    with database.write() as connection:
        connection.execute(insert(parent).values(id=2, count=0))
        connection.execute(insert(child).values(id=1, parent_id=1))
        connection.execute(update(child).values(name="a"))
        connection.execute(delete(child))
        count(connection)
        connection.execute(update(parent).values(count=7).execution_options(changes_nobody=True))
    with database.read() as connection:
        assert count(connection) == 7
    assert told == []
