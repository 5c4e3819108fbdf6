"""Short-lived values: transactions, contents of codes, sessions, replay windows."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from idp.clock import Clock
from idp.storage.database import Database
from idp.storage.ephemeral_redis import RedisEphemeralStore
from idp.storage.ephemeral_sql import SqlEphemeralStore


class EphemeralStore(Protocol):
    """Short-lived values, shared by every process.

    Keys are ``<kind>:<name>``, at most 160 characters; values are bytes. ``expires_at`` is aware, and
    exclusive: from that moment of the injected clock on, a value is as absent as one never put (the server's
    own TTL is only clean-up). Each operation is atomic, one statement or one round trip, and never repeated
    behind the caller's back. Every method raises ``StorageUnavailable`` when the server cannot serve.
    """

    def put(self, key: str, value: bytes, expires_at: datetime) -> None:
        """Keep ``value``, whatever was there."""
        ...

    def add(self, key: str, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if nothing is there; tell whether it was kept. Of many callers one wins."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return what is there."""
        ...

    def take(self, key: str) -> bytes | None:
        """Return what is there and delete it. Of many callers one gets it."""
        ...

    def replace(self, key: str, expected: bytes, value: bytes, expires_at: datetime) -> bool:
        """Keep ``value`` only if ``expected`` is there; tell whether it was. Of many callers one wins."""
        ...

    def delete(self, key: str) -> None:
        """Leave nothing there."""
        ...

    def ping(self) -> None:
        """Return if the store can serve."""
        ...

    def server_time(self) -> datetime | None:
        """Return what the clock of the store's own server shows, in UTC; ``None`` when it is the database's."""
        ...


def open_ephemeral(url: str, database: Database, clock: Clock) -> EphemeralStore:
    """Return the store that ``url`` names; it connects lazily.

    ``sql:`` is a table of ``database``; ``redis://…``, ``rediss://…`` (TLS) and ``unix://…`` are Redis.
    Raises ``ValueError`` for anything else.
    """
    if url == "sql:":
        return SqlEphemeralStore(database, clock)
    if url.startswith(("redis://", "rediss://", "unix://")):
        return RedisEphemeralStore(url, clock)
    raise ValueError("ephemeral store url: expected sql:, redis://…, rediss://… or unix://…")
