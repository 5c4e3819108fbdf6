"""Lines that are gathered before they are written: none is lost in order, and none is taken that cannot be written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import enumerate as threads

import pytest
from sqlalchemy import event, select

from idp.audit.batches import AuditBatches
from idp.audit.events import Event
from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.migrate import upgrade
from idp.storage.schema import audit_event
from tests.provider import START
from tests.servers import PostgresServer
from tests.storage.racing import race
from tests.waiting import wait_until

NEVER = 3_600.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a migrated database."""
    address = f"sqlite:///{tmp_path}/idp.sqlite"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        address = server.fresh_database()
    database = Database(address)
    upgrade(database)
    database.dispose()
    return address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Give what tests read by; a queue has its own."""
    opened = Database(url)
    yield opened
    opened.dispose()


def written(database: Database) -> list[int]:
    """Return the numbers of the lines in the database, in their order."""
    with database.read() as connection:
        found = connection.execute(select(audit_event.c.detail).order_by(audit_event.c.id))
        return [detail["number"] for detail in found.scalars()]


def record(batches: AuditBatches, number: int) -> None:
    batches.record(Event.CLIENT_TOKENS_ISSUED, START, client_id="machine", detail={"number": number})


def test_lines_are_written_in_their_order_after_a_while(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=0.05)
    for number in range(5):
        record(batches, number)
    wait_until(lambda: written(database) == [0, 1, 2, 3, 4], "the lines were not written")
    with database.read() as connection:
        row = connection.execute(select(audit_event)).first()
    assert row is not None
    assert (row.at, row.kind, row.client_id, row.account_id) == (
        START,
        "tokens.client_issued",
        "machine",
        None,
    )


def test_as_many_as_make_a_batch_do_not_wait(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=NEVER, size=3)
    record(batches, 0)
    record(batches, 1)
    assert written(database) == []
    record(batches, 2)
    wait_until(lambda: written(database) == [0, 1, 2], "the batch was not written")


def test_more_than_one_batch_is_written_at_once(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=NEVER, size=3)
    for number in range(3):
        record(batches, number)
    for number in range(3, 10):
        record(batches, number)
    batches.flush()
    assert written(database) == list(range(10))


def test_many_threads_lose_and_double_nothing(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=0.01, size=7)

    def many(thread: int) -> None:
        for number in range(25):
            record(batches, 25 * thread + number)

    race(8, many)
    batches.flush()
    assert sorted(written(database)) == list(range(200))


def test_no_thread_stays_when_nothing_waits(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=0.01)
    before = set(threads())
    for number in range(3):
        record(batches, number)
        wait_until(lambda: set(threads()) <= before, "the thread stays")
    assert written(database) == [0, 1, 2]


def test_a_full_queue_takes_nothing_more(database: Database, url: str) -> None:
    batches = AuditBatches(Database(url), seconds=NEVER, capacity=2)
    record(batches, 0)
    record(batches, 1)
    with pytest.raises(StorageUnavailable):
        record(batches, 2)
    batches.flush()
    record(batches, 3)
    batches.flush()
    assert written(database) == [0, 1, 3]


def test_while_nothing_can_be_written_nothing_is_taken_and_what_waits_is_kept(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/idp.sqlite"
    beside, database = Database(address), Database(f"{address}?timeout=0.05")
    upgrade(beside)
    batches = AuditBatches(database, seconds=NEVER)
    with beside.write():
        record(batches, 0)
        batches.flush()
        with pytest.raises(StorageUnavailable):
            record(batches, 1)
    batches.flush()
    record(batches, 2)
    batches.flush()
    assert written(beside) == [0, 2]
    for one in (beside, database):
        one.dispose()


def test_a_connection_that_cannot_be_closed_loses_no_line_and_no_thread(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Database(url)
    batches = AuditBatches(own, seconds=0.01)
    closing, broken = own.dispose, [True, True]

    def dispose() -> None:
        closing()
        if broken:
            broken.pop()
            raise OSError("gone")

    monkeypatch.setattr(own, "dispose", dispose)
    before = set(threads())
    for number in range(3):
        record(batches, number)
        wait_until(lambda: set(threads()) <= before, "the thread stays")
    assert written(database) == [0, 1, 2]
    assert broken == []


def test_nothing_stays_open_between_two_batches(database: Database, url: str) -> None:
    own = Database(url)
    batches = AuditBatches(own, seconds=NEVER)
    opened: list[object] = []
    event.listen(own.engine, "connect", lambda connection, _: opened.append(connection))
    event.listen(own.engine, "close", lambda connection, _: opened.remove(connection))
    for number in range(2):
        record(batches, number)
        batches.flush()
        assert opened == []
    assert written(database) == [0, 1]


AT_THE_END = """
import os, sys
from tests.audit.test_batches import AuditBatches, Database, NEVER, record
batches = AuditBatches(Database(sys.argv[1]), seconds=NEVER)
children = [] if sys.argv[2] == "alone" else [os.fork() for _ in range(1)]
if children == [0] or not children:
    record(batches, 7)
    sys.exit(0)
for child in children:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.parametrize("how", ["alone", "forked"])
def test_what_waits_is_written_when_the_process_ends(database: Database, url: str, how: str) -> None:
    """A worker is forked from a process that has the queue already, and no thread."""
    database.dispose()
    command = [sys.executable, "-c", AT_THE_END, url, how]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[2])
    assert written(database) == [7]
