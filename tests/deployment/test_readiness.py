"""``/readyz``: people are sent here only while the stores answer and the clock is right; ``/healthz``: it lives."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from idp.health import Readiness
from idp.storage.database import Database
from idp.storage.ephemeral import open_ephemeral
from idp.storage.ephemeral_redis import RedisEphemeralStore
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.migrate import upgrade
from tests.clock import MovableClock
from tests.journeys.story import statements
from tests.provider import ISSUER, Provider
from tests.servers import PostgresServer, RedisServer, free_port

server = pytest.mark.server


@pytest.fixture
def on_servers(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Provider]:
    """Give the provider on PostgreSQL and Redis, its clock right."""
    whole = Provider(tmp_path, clock, postgres_server.fresh_database(), redis_server.url)
    clock.set(datetime.now(UTC))
    yield whole
    whole.parts.database.dispose()


def _readyz(provider: Provider, method: str = "GET") -> TestResponse:
    return provider.http().open("/readyz", method=method, base_url=ISSUER)


def _faults(provider: Provider) -> list[str]:
    """Return what the answer says is wrong; empty: ready."""
    answer = _readyz(provider)
    first, *faults = answer.text.splitlines()
    assert answer.content_type.startswith("text/plain")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.status_code, first) == ((503, "not ready") if faults else (200, "ready"))
    assert ("Retry-After" in answer.headers) == bool(faults)
    return faults


def test_on_the_embedded_stores_it_is_ready_and_there_is_no_other_clock_to_compare(
    provider: Provider,
) -> None:
    for moment in (datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC), datetime(2100, 1, 1, tzinfo=UTC)):
        provider.clock.set(moment)
        assert _faults(provider) == []
    head = _readyz(provider, "HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert _readyz(provider, "POST").status_code == 405


@server
@pytest.mark.attack(14)
@pytest.mark.parametrize("seconds", [90, -90, 3600, -35])
def test_a_process_off_the_databases_time_is_not_ready_and_alarms(
    on_servers: Provider, caplog: pytest.LogCaptureFixture, seconds: int
) -> None:
    on_servers.clock.advance(seconds=seconds)
    with caplog.at_level(logging.ERROR, logger="idp.health"):
        [fault] = _faults(on_servers)
    where = "ahead of" if seconds > 0 else "behind"
    about = (str(abs(seconds)), str(abs(seconds) - 1), str(abs(seconds) + 1))
    assert fault in {f"clock: {shown} s {where} the database's, 30 s at most is expected" for shown in about}
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", f"not ready: {fault}")
    ]
    on_servers.clock.set(datetime.now(UTC))
    assert _faults(on_servers) == []


@server
@pytest.mark.parametrize("seconds", [0, 20, -20])
def test_a_clock_within_one_time_step_of_the_databases_is_right(on_servers: Provider, seconds: int) -> None:
    on_servers.clock.advance(seconds=seconds)
    assert _faults(on_servers) == []


@server
@pytest.mark.attack(14)
def test_without_a_database_server_the_clock_of_redis_is_compared(
    tmp_path: Path, clock: MovableClock, redis_server: RedisServer
) -> None:
    provider = Provider(tmp_path, clock, ephemeral_url=redis_server.url)
    clock.set(datetime.now(UTC))
    assert _faults(provider) == []
    clock.advance(seconds=-90)
    [fault] = _faults(provider)
    assert fault.startswith("clock: ")
    assert " s behind the ephemeral store's, " in fault
    provider.parts.database.dispose()


@server
def test_a_database_that_is_gone_is_said_and_the_process_lives_on(
    on_servers: Provider, postgres_server: PostgresServer
) -> None:
    assert _faults(on_servers) == []
    on_servers.clock.advance(seconds=1)
    with postgres_server.stopped():
        assert _faults(on_servers) == ["database: not reachable"]
        assert on_servers.http().get("/healthz", base_url=ISSUER).text == "ok\n"
    on_servers.clock.set(datetime.now(UTC) + timedelta(seconds=2))
    assert _faults(on_servers) == []


@server
def test_an_ephemeral_store_that_is_gone_is_said(tmp_path: Path, clock: MovableClock) -> None:
    provider = Provider(tmp_path, clock, ephemeral_url=f"redis://127.0.0.1:{free_port()}/0")
    assert _faults(provider) == ["ephemeral store: not reachable"]
    provider.parts.database.dispose()


@server
def test_nothing_that_is_said_of_a_store_that_is_gone_is_secret(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    database = Database(f"postgresql://idp:the-password@127.0.0.1:{port}/idp")
    ephemeral = open_ephemeral(f"redis://:the-password@127.0.0.1:{port}/0", database, clock)
    with caplog.at_level(logging.DEBUG):
        faults = Readiness(database, ephemeral, clock).faults()
    assert faults == ("database: not reachable", "ephemeral store: not reachable")
    assert "the-password" not in caplog.text
    assert str(port) not in caplog.text


def test_tables_that_are_missing_are_said(tmp_path: Path, clock: MovableClock) -> None:
    database = Database(f"sqlite:///{tmp_path}/idp.sqlite")
    readiness = Readiness(database, SqlEphemeralStore(database, clock), clock)
    missing = "database: tables of this version are missing (idp db upgrade)"
    assert readiness.faults() == (missing,)
    upgrade(database)
    clock.advance(seconds=1)
    assert readiness.faults() == ()
    # A later version is being deployed: processes of this one serve until they are replaced, and no new one starts.
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    clock.advance(seconds=1)
    assert readiness.faults() == ()
    assert Readiness(database, SqlEphemeralStore(database, clock), clock).faults() == (missing,)
    database.dispose()


def test_asking_often_costs_as_much_as_asking_once_a_second(provider: Provider) -> None:
    _readyz(provider)
    with statements(provider) as seen:
        for _ in range(50):
            assert _faults(provider) == []
        assert seen == []
        provider.clock.advance(seconds=1)
        assert _faults(provider) == []
        once = len(seen)
        assert once > 0
        provider.clock.advance(seconds=-1)
        assert _faults(provider) == []
        assert len(seen) == 2 * once


@server
def test_a_store_that_does_not_answer_holds_up_one_caller_only(
    tmp_path: Path, clock: MovableClock, redis_server: RedisServer
) -> None:
    asked, answer = Event(), Event()

    class Slow(RedisEphemeralStore):
        def ping(self) -> None:
            asked.set()
            assert answer.wait(timeout=20)
            super().ping()

    database = Database(f"sqlite:///{tmp_path}/idp.sqlite")
    readiness = Readiness(database, Slow(redis_server.url, clock), clock)
    with ThreadPoolExecutor(1) as pool:
        answer.set()
        first = readiness.faults()
        assert len(first) == 1
        upgrade(database)
        asked.clear()
        answer.clear()
        clock.set(datetime.now(UTC))
        looking = pool.submit(readiness.faults)
        assert asked.wait(timeout=20)
        assert readiness.faults() == first
        answer.set()
        assert looking.result(timeout=20) == ()
    assert readiness.faults() == ()
    database.dispose()
