"""What is PostgreSQL's own in ``Database``: a server that can go away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import ephemeral
from tests.servers import PostgresServer
from tests.waiting import wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    database = Database(postgres_server.fresh_database())
    with database.alter() as connection:
        ephemeral.create(connection)
    yield database
    database.dispose()


def number(database: Database, query: str) -> int:
    with database.read() as connection:
        return int(connection.execute(text(query)).scalar_one())


def rows(database: Database) -> int:
    return number(database, "SELECT count(*) FROM ephemeral")


def add_row(database: Database, meanwhile: AbstractContextManager[None] | None = None) -> None:
    with database.write() as connection, meanwhile or nullcontext():
        connection.execute(insert(ephemeral).values(key="k", value=b"", expires_at=datetime.now(UTC)))


@pytest.mark.attack(65)
def test_a_stopped_server_is_an_unavailable_store_that_serves_again_once_back(
    database: Database, postgres_server: PostgresServer
) -> None:
    add_row(database)
    with postgres_server.stopped():
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                rows(database)
            with pytest.raises(StorageUnavailable):
                add_row(database)
    assert rows(database) == 1


@pytest.mark.attack(65)
def test_a_server_stopped_within_a_transaction_leaves_nothing_half_done(
    database: Database, postgres_server: PostgresServer
) -> None:
    with pytest.raises(StorageUnavailable):
        add_row(database, meanwhile=postgres_server.stopped())
    assert rows(database) == 0


@pytest.mark.attack(65)
def test_a_server_that_was_restarted_serves_the_first_call(
    database: Database, postgres_server: PostgresServer
) -> None:
    assert rows(database) == 0
    with postgres_server.stopped():
        pass
    assert rows(database) == 0


def test_changes_of_tables_take_turns(database: Database) -> None:
    done: list[str] = []

    def alter() -> None:
        with database.alter():
            done.append("second")

    with ThreadPoolExecutor(1) as pool:
        with database.alter():
            second = pool.submit(alter)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_until(lambda: number(database, waiting) == 1, "the second waits")
            done.append("first")
        second.result(timeout=20)
    assert done == ["first", "second"]


def test_a_statement_without_end_is_cut_off(postgres_server: PostgresServer) -> None:
    hasty = Database(postgres_server.url + "?options=-c%20statement_timeout%3D50ms")
    with pytest.raises(StorageUnavailable), hasty.read() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    hasty.dispose()


def test_a_write_sent_to_a_standby_is_an_unavailable_store(postgres_server: PostgresServer) -> None:
    standby = Database(postgres_server.url + "?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(StorageUnavailable), standby.write() as connection:
        connection.execute(text("CREATE TABLE t (id INTEGER)"))
    standby.dispose()


def test_moments_are_utc_whatever_the_zone_of_the_server_session(
    database: Database, postgres_server: PostgresServer
) -> None:
    url = database.engine.url.update_query_dict({"options": "-c timezone=Asia/Tokyo"})
    elsewhere = Database(url.render_as_string(hide_password=False))
    add_row(elsewhere)
    with elsewhere.read() as connection:
        assert connection.execute(ephemeral.select()).one().expires_at.tzinfo is UTC
    elsewhere.dispose()


def test_a_forked_child_does_not_touch_the_connections_of_its_parent(database: Database) -> None:
    its_process = "SELECT pg_backend_pid()"
    before = number(database, its_process)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if number(database, its_process) != before else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert number(database, its_process) == before
