"""The contract of ``EphemeralStore``, on every backend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from idp.storage.ephemeral_redis import RedisEphemeralStore
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import ephemeral
from tests.clock import MovableClock
from tests.servers import PostgresServer, RedisServer
from tests.storage.conftest import ON_POSTGRESQL, empty_database_url
from tests.storage.racing import race

TINY = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
ON_REDIS = pytest.param("redis", marks=pytest.mark.server)


@pytest.fixture(params=["sqlite", ON_POSTGRESQL, ON_REDIS])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[EphemeralStore]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        yield RedisEphemeralStore(server.url, clock, key_prefix=f"{request.node.name}:")
    else:
        database = Database(empty_database_url(request.param, request, tmp_path))
        with database.alter() as connection:
            ephemeral.create(connection)
        yield SqlEphemeralStore(database, clock)
        database.dispose()


@pytest.fixture
def soon(clock: MovableClock) -> datetime:
    return clock.now() + MINUTE


def test_an_unknown_key_holds_nothing(store: EphemeralStore, soon: datetime) -> None:
    store.ping()
    assert store.get("code:unknown") is None
    assert store.take("code:unknown") is None
    assert store.replace("code:unknown", b"", b"value", soon) is False
    assert store.get("code:unknown") is None
    store.delete("code:unknown")


@pytest.mark.parametrize("value", [b"", b"\x00\xff\r\n\x80" * 3, bytes(range(256)) * 256])
def test_what_was_put_is_there_byte_for_byte(store: EphemeralStore, soon: datetime, value: bytes) -> None:
    store.put("session:a", value, soon)
    assert store.get("session:a") == value
    assert store.replace("session:a", value, value + b"2", soon) is True
    assert store.take("session:a") == value + b"2"


def test_a_put_replaces_what_was_there_and_only_that(store: EphemeralStore, soon: datetime) -> None:
    store.put("session:a", b"1", soon)
    store.put("session:b", b"other", soon)
    store.put("session:a", b"2", soon + MINUTE)
    assert store.get("session:a") == b"2"
    assert store.get("session:b") == b"other"


def test_an_add_keeps_what_was_there(store: EphemeralStore, soon: datetime) -> None:
    assert store.add("jti:a", b"1", soon) is True
    assert store.add("jti:a", b"2", soon) is False
    assert store.get("jti:a") == b"1"


def test_a_taken_value_is_gone_and_its_key_is_free(store: EphemeralStore, soon: datetime) -> None:
    store.put("code:a", b"1", soon)
    assert store.take("code:a") == b"1"
    assert store.take("code:a") is None
    assert store.get("code:a") is None
    assert store.add("code:a", b"2", soon) is True


def test_a_deleted_value_is_gone(store: EphemeralStore, soon: datetime) -> None:
    store.put("session:a", b"1", soon)
    store.delete("session:a")
    assert store.get("session:a") is None


@pytest.mark.parametrize("expected", [b"", b"ol", b"old2", b"old\x00"])
def test_a_replace_that_expects_something_else_changes_nothing(
    store: EphemeralStore, soon: datetime, expected: bytes
) -> None:
    store.put("session:a", b"old", soon)
    assert store.replace("session:a", expected, b"new", soon) is False
    assert store.get("session:a") == b"old"


def test_a_value_lives_until_the_instant_before_it_expires(
    store: EphemeralStore, clock: MovableClock, soon: datetime
) -> None:
    for key in ("a", "b", "c", "d"):
        store.put(key, b"1", soon)
    clock.set(soon - TINY)
    assert store.get("a") == b"1"
    assert store.add("b", b"2", soon + MINUTE) is False
    assert store.replace("c", b"1", b"2", soon + MINUTE) is True
    assert store.take("d") == b"1"


def test_a_value_is_gone_from_the_instant_it_expires(
    store: EphemeralStore, clock: MovableClock, soon: datetime
) -> None:
    for key in ("a", "b", "c", "d"):
        store.put(key, b"1", soon)
    clock.set(soon)
    assert store.get("a") is None
    assert store.add("b", b"2", soon + MINUTE) is True
    assert store.get("b") == b"2"
    assert store.replace("c", b"1", b"2", soon + MINUTE) is False
    assert store.get("c") is None
    assert store.take("d") is None


def test_the_expiry_of_the_last_write_counts(
    store: EphemeralStore, clock: MovableClock, soon: datetime
) -> None:
    store.put("longer", b"1", soon)
    store.put("longer", b"1", soon + MINUTE)
    store.put("shorter", b"1", soon + MINUTE)
    assert store.replace("shorter", b"1", b"2", soon)
    clock.set(soon)
    assert store.get("longer") == b"1"
    assert store.get("shorter") is None


def test_a_value_put_already_expired_is_not_there(store: EphemeralStore, clock: MovableClock) -> None:
    store.put("a", b"1", clock.now())
    assert store.add("b", b"1", clock.now() - MINUTE * 10_000) is True
    assert store.get("a") is None
    assert store.get("b") is None


def test_a_naive_expiry_is_refused(store: EphemeralStore, soon: datetime) -> None:
    with pytest.raises((StatementError, TypeError)):
        store.put("a", b"1", soon.replace(tzinfo=None))
    assert store.get("a") is None


def test_fifty_takers_get_one_value(store: EphemeralStore, soon: datetime) -> None:
    store.put("code:a", b"1", soon)
    taken = race(50, lambda _: store.take("code:a"))
    assert (taken.count(b"1"), taken.count(None)) == (1, 49)


def test_fifty_adders_keep_one_value(store: EphemeralStore, soon: datetime) -> None:
    kept = race(50, lambda number: store.add("jti:a", b"%d" % number, soon))
    assert kept.count(True) == 1
    assert store.get("jti:a") == b"%d" % kept.index(True)


def test_fifty_adders_over_an_expired_value_keep_one(
    store: EphemeralStore, clock: MovableClock, soon: datetime
) -> None:
    store.put("jti:a", b"expired", soon)
    clock.set(soon)
    assert race(50, lambda _: store.add("jti:a", b"1", soon + MINUTE)).count(True) == 1


def test_fifty_replacers_have_one_winner(store: EphemeralStore, soon: datetime) -> None:
    store.put("session:a", b"old", soon)
    won = race(50, lambda number: store.replace("session:a", b"old", b"%d" % number, soon))
    assert won.count(True) == 1
    assert store.get("session:a") == b"%d" % won.index(True)


def test_takers_and_replacers_of_one_value_have_one_winner(store: EphemeralStore, soon: datetime) -> None:
    store.put("session:a", b"old", soon)

    def act(number: int) -> bool:
        if number % 2:
            return store.take("session:a") == b"old"
        return store.replace("session:a", b"old", b"new", soon)

    won = race(20, act)
    assert won.count(True) == 1


@pytest.mark.server
@pytest.mark.attack(65)
@pytest.mark.parametrize("store", ["postgresql", "redis"], indirect=True)
def test_every_operation_of_a_stopped_server_is_refused_and_works_once_it_is_back(
    request: pytest.FixtureRequest, store: EphemeralStore, soon: datetime
) -> None:
    name = "redis_server" if isinstance(store, RedisEphemeralStore) else "postgres_server"
    server: RedisServer | PostgresServer = request.getfixturevalue(name)
    store.put("a", b"1", soon)
    with server.stopped():
        with pytest.raises(StorageUnavailable):
            store.ping()
        with pytest.raises(StorageUnavailable):
            store.put("a", b"2", soon)
        with pytest.raises(StorageUnavailable):
            store.add("a", b"2", soon)
        with pytest.raises(StorageUnavailable):
            store.get("a")
        with pytest.raises(StorageUnavailable):
            store.take("a")
        with pytest.raises(StorageUnavailable):
            store.replace("a", b"1", b"2", soon)
        with pytest.raises(StorageUnavailable):
            store.delete("a")
        if isinstance(store, RedisEphemeralStore):
            with pytest.raises(StorageUnavailable):
                store.server_time()
    store.ping()
    store.put("a", b"3", soon)
    assert store.take("a") == b"3"


def test_the_time_of_a_server_of_its_own_is_told_in_utc(store: EphemeralStore) -> None:
    before = datetime.now(UTC)
    shown = store.server_time()
    if isinstance(store, SqlEphemeralStore):
        assert shown is None
    else:
        assert shown is not None
        assert before - MINUTE < shown < datetime.now(UTC) + MINUTE
        assert shown.tzinfo is UTC


def test_the_url_names_the_store(tmp_path: Path, clock: MovableClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'idp.sqlite'}")
    assert isinstance(open_ephemeral("sql:", database, clock), SqlEphemeralStore)
    for url in ("redis://localhost", "rediss://localhost", "unix:///run/redis.sock"):
        assert isinstance(open_ephemeral(url, database, clock), RedisEphemeralStore)
    with pytest.raises(ValueError, match="expected sql:"):
        open_ephemeral("memory:", database, clock)
