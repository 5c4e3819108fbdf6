"""What started sign-ins have to remember, here on the server."""

from __future__ import annotations

from datetime import timedelta

from flask_relying_party.clock import Clock
from flask_relying_party.database import Database
from flask_relying_party.sessions import hashed


class PendingLogins:
    """Values under keys that only a browser's cookie names, so that an answer meant for another browser finds none.

    Every method raises ``sqlite3.Error`` when the file cannot be used.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, key: str, value: str, lifetime: int) -> bool:
        """Store ``value`` for ``lifetime`` seconds if nothing is under ``key``; of many callers one does. Atomic."""
        now = self._clock.now()
        expires_at = now + timedelta(seconds=lifetime)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pending_login WHERE expires_at <= ?", (now.timestamp(),))
            stored = connection.execute(
                "INSERT INTO pending_login VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (hashed(key), value, expires_at.timestamp()),
            )
            return stored.rowcount == 1

    def get(self, key: str) -> str | None:
        """Return the value stored under ``key`` while it lives."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT value FROM pending_login WHERE key = ? AND expires_at > ?",
                (hashed(key), self._clock.now().timestamp()),
            ).fetchone()
        return None if row is None else str(row[0])

    def delete(self, key: str) -> None:
        """Forget the entry."""
        with self._database.connection() as connection:
            connection.execute("DELETE FROM pending_login WHERE key = ?", (hashed(key),))
