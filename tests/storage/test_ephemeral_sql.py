"""What is the table's own in the ephemeral store: nothing but ``purge()`` cleans it up."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from idp.storage.database import Database
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.schema import ephemeral
from tests.clock import MovableClock


def test_a_purge_deletes_what_has_expired_and_nothing_else(database: Database, clock: MovableClock) -> None:
    with database.alter() as connection:
        ephemeral.create(connection)
    store = SqlEphemeralStore(database, clock)
    for minutes in (1, 2, 3):
        store.put(f"session:{minutes}", b"", clock.now() + timedelta(minutes=minutes))
    clock.advance(seconds=120)
    assert store.purge() == 2
    assert store.purge() == 0
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(ephemeral)) == 1
    assert store.get("session:3") == b""
