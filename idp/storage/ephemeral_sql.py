"""The ephemeral store as a table: the embedded default, which needs no server of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.clock import Clock
from idp.storage.database import Database
from idp.storage.schema import ephemeral


class SqlEphemeralStore:
    """An ``EphemeralStore`` in the table ``ephemeral`` of ``database``: one statement an operation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = sqlite.insert if database.engine.dialect.name == "sqlite" else postgresql.insert

    def put(self, key: str, value: bytes, expires_at: datetime) -> None:
        """Keep ``value``, whatever was there."""
        self._upsert(key, value, expires_at, only_over_dead=False)

    def add(self, key: str, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if nothing is there; tell whether it was kept."""
        return self._upsert(key, value, expires_at, only_over_dead=True)

    def get(self, key: str) -> bytes | None:
        """Return what is there."""
        with self._database.read() as connection:
            return connection.scalar(select(ephemeral.c.value).where(self._alive(key)))

    def take(self, key: str) -> bytes | None:
        """Return what is there and delete it."""
        with self._database.write() as connection:
            return connection.scalar(delete(ephemeral).where(self._alive(key)).returning(ephemeral.c.value))

    def replace(self, key: str, expected: bytes, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if ``expected`` is there; tell whether it was kept."""
        with self._database.write() as connection:
            held = self._alive(key) & (ephemeral.c.value == expected)
            change = update(ephemeral).where(held).values(value=value, expires_at=expires_at)
            return connection.execute(change).rowcount == 1

    def delete(self, key: str) -> None:
        """Leave nothing there."""
        with self._database.write() as connection:
            connection.execute(delete(ephemeral).where(ephemeral.c.key == key))

    def ping(self) -> None:
        """Return if the store can serve."""
        with self._database.read() as connection:
            connection.execute(text("SELECT 1"))

    def server_time(self) -> datetime | None:
        """Return ``None``: the database answers for itself."""
        return None

    def purge(self) -> int:
        """Delete what has expired; return how many rows that were."""
        with self._database.write() as connection:
            dead = ephemeral.c.expires_at <= self._clock.now()
            return connection.execute(delete(ephemeral).where(dead)).rowcount

    def _alive(self, key: str) -> ColumnElement[bool]:
        return (ephemeral.c.key == key) & (ephemeral.c.expires_at > self._clock.now())

    def _upsert(self, key: str, value: bytes, expires_at: datetime, *, only_over_dead: bool) -> bool:
        with self._database.write() as connection:
            row = self._insert(ephemeral).values(key=key, value=value, expires_at=expires_at)
            upsert = row.on_conflict_do_update(
                index_elements=[ephemeral.c.key],
                set_={"value": row.excluded.value, "expires_at": row.excluded.expires_at},
                where=ephemeral.c.expires_at <= self._clock.now() if only_over_dead else None,
            )
            return connection.scalar(upsert.returning(ephemeral.c.key)) is not None
