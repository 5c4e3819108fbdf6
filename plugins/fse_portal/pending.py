"""What started sign-ins have to remember, here on the server."""

from __future__ import annotations

from datetime import timedelta

from fse_portal.clock import Clock
from fse_portal.database import Database
from fse_portal.sessions import hashed


class PendingLogins:
    """Authlib's ``cache``: what a started sign-in has to remember (verifier, nonce, where to go).

    The browser's signed cookie names the entries that are its own, so that an answer meant for another
    browser finds none. Authlib does not look at the age of an entry that it reads; here an old one is absent.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def set(self, key: str, value: str, expires_in: int) -> None:
        """Store ``value`` for ``expires_in`` seconds, in the place of what was under ``key``."""
        now = self._clock.now()
        expires_at = now + timedelta(seconds=expires_in)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pending_login WHERE expires_at <= ?", (now.timestamp(),))
            connection.execute(
                "INSERT OR REPLACE INTO pending_login VALUES (?, ?, ?)",
                (hashed(key), value, expires_at.timestamp()),
            )

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
