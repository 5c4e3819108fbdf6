"""What is SQLite's own in ``Database``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from tests.storage.racing import race


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'idp.sqlite'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY, count INTEGER)"))
        connection.execute(text("CREATE TABLE child (parent_id INTEGER REFERENCES parent ON DELETE CASCADE)"))
        connection.execute(text("INSERT INTO parent VALUES (1, 0)"))
        connection.execute(text("INSERT INTO child VALUES (1)"))
    yield database
    database.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
def test_commits_outlive_a_power_cut_and_readers_never_wait(
    database: Database, pragma: str, value: object
) -> None:
    with database.read() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_what_a_write_reads_is_still_true_when_it_writes(database: Database) -> None:
    def read_then_write(_number: int) -> None:
        with database.write() as connection:
            count = connection.scalar(text("SELECT count FROM parent"))
            connection.execute(text("UPDATE parent SET count = :count"), {"count": count + 1})

    race(30, read_then_write)
    with database.read() as connection:
        assert connection.scalar(text("SELECT count FROM parent")) == 30


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    for attempt in range(50):
        url = f"sqlite:///{tmp_path / f'{attempt}.sqlite'}"

        def open_and_write(_number: int, url: str = url) -> None:
            database = Database(url)
            with database.write() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS t (id INTEGER)"))
            database.dispose()

        race(8, open_and_write)


def test_a_writer_that_waits_too_long_is_told_that_the_store_is_unavailable(
    database: Database, tmp_path: Path
) -> None:
    hasty = Database(f"sqlite:///{tmp_path / 'idp.sqlite'}?timeout=0.05")
    with database.write():
        with pytest.raises(StorageUnavailable) as raised, hasty.write():
            pass
        with hasty.read() as connection:
            assert connection.scalar(text("SELECT count FROM parent")) == 0
    assert "locked" in str(raised.value.__cause__)
    hasty.dispose()


def test_a_file_that_cannot_be_opened_is_an_unavailable_store(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'idp.sqlite'}")
    with pytest.raises(StorageUnavailable), database.read():
        pass
    (tmp_path / "missing").mkdir()
    with database.read():
        pass
    database.dispose()


def test_a_table_is_rebuilt_without_harm_to_the_rows_that_point_to_it(database: Database) -> None:
    with database.alter() as connection:
        connection.execute(text("CREATE TABLE rebuilt (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO rebuilt SELECT id FROM parent"))
        connection.execute(text("DROP TABLE parent"))
        connection.execute(text("ALTER TABLE rebuilt RENAME TO parent"))
    with database.write() as connection:
        assert connection.scalar(text("SELECT parent_id FROM child")) == 1
        connection.execute(text("DELETE FROM parent"))
        assert connection.scalar(text("SELECT parent_id FROM child")) is None


def test_a_change_of_tables_that_leaves_orphans_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 rows would point nowhere"), database.alter() as connection:
        connection.execute(text("DELETE FROM parent"))
    with sqlite3.connect(tmp_path / "idp.sqlite") as raw:
        assert raw.execute("SELECT count(*) FROM parent").fetchone() == (1,)
    raw.close()
