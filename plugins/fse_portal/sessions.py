"""Who is signed in: rows on the server, found by the hash of a random id that only the cookie holds."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from fse_portal.clock import Clock
from fse_portal.database import Database
from fse_portal.identity import Actor, Identity

KEPT_FOR_SIGN_OUT = timedelta(hours=12)
COLUMNS = "key, identity, access_token, id_token, form_token, checked_at, expires_at"


@dataclass(frozen=True)
class Tokens:
    """What the token endpoint gave; it lives on the server only and is never printed."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class PortalSession:
    """One signed-in browser. It lives exactly as long as its access token, by which the provider is asked."""

    key: str
    identity: Identity
    tokens: Tokens
    form_token: str = field(repr=False)
    checked_at: datetime


@dataclass(frozen=True)
class SignOut:
    """What is left to do with a session, live or expired: end it, here and at the provider."""

    key: str
    id_token: str = field(repr=False)
    form_token: str = field(repr=False)


class Sessions:
    """The table of signed-in browsers. Every method raises ``sqlite3.Error`` when the file cannot be used."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(self, identity: Identity, tokens: Tokens, *, replacing: str | None) -> str:
        """Store a session under a fresh id and return that id, for the cookie.

        The session that the browser had before (``replacing``: its cookie) ends in the same transaction, so
        that an id known beforehand is worth nothing.
        """
        cookie = secrets.token_urlsafe(32)
        now = self._clock.now().timestamp()
        row = (
            _key(cookie),
            json.dumps(asdict(identity)),
            tokens.access_token,
            tokens.id_token,
            secrets.token_urlsafe(32),
            now,
            tokens.expires_at.timestamp(),
        )
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE expires_at <= ?", (self._forgotten(),))
            if replacing:
                connection.execute("DELETE FROM session WHERE key = ?", (_key(replacing),))
            connection.execute(f"INSERT INTO session ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        return cookie

    def find(self, cookie: str) -> PortalSession | None:
        """Return the live session of that cookie; an expired one is as absent as one that never was."""
        return self.fresh(_key(cookie))

    def fresh(self, key: str) -> PortalSession | None:
        """Return the live session stored under ``key`` as it is now."""
        statement = f"SELECT {COLUMNS} FROM session WHERE key = ? AND expires_at > ?"  # noqa: S608
        with self._database.connection() as connection:
            row = connection.execute(statement, (key, self._clock.now().timestamp())).fetchone()
        if row is None:
            return None
        key, identity, access_token, id_token, form_token, checked_at, expires_at = row
        return PortalSession(
            key=key,
            identity=_identity(identity),
            tokens=Tokens(access_token, id_token, _moment(expires_at)),
            form_token=form_token,
            checked_at=_moment(checked_at),
        )

    def to_sign_out(self, cookie: str) -> SignOut | None:
        """Return how to end the session of that cookie, until 12 hours after it expired.

        A provider takes an expired ID token as a hint too (RP-Initiated Logout 1.0 §2), and its own session
        outlives ours.
        """
        statement = "SELECT key, id_token, form_token FROM session WHERE key = ? AND expires_at > ?"
        with self._database.connection() as connection:
            row = connection.execute(statement, (_key(cookie), self._forgotten())).fetchone()
        return None if row is None else SignOut(*row)

    def confirm(self, session: PortalSession, at: datetime) -> None:
        """Remember that the provider confirmed the session when it was asked, which was ``at``."""
        with self._database.connection() as connection:
            connection.execute(
                "UPDATE session SET checked_at = ? WHERE key = ?", (at.timestamp(), session.key)
            )

    def end(self, session: PortalSession | SignOut) -> None:
        """Forget the session and its tokens."""
        with self._database.connection() as connection:
            connection.execute("DELETE FROM session WHERE key = ?", (session.key,))

    def _forgotten(self) -> float:
        """Return the latest expiry, in seconds since 1970, of rows that are of no use any more."""
        return (self._clock.now() - KEPT_FOR_SIGN_OUT).timestamp()


class PendingLogins:
    """Authlib's ``cache``: what a started sign-in has to remember (verifier, nonce, where to go).

    The browser's signed cookie names the entries that are its own, so that an answer meant for another
    browser finds none. Authlib does not look at the age of an entry that it reads; here an old one is absent.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def set(self, key: str, value: str, expires_in: int) -> None:
        """Store ``value`` for ``expires_in`` seconds."""
        now = self._clock.now()
        expires_at = now + timedelta(seconds=expires_in)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pending_login WHERE expires_at <= ?", (now.timestamp(),))
            connection.execute(
                "INSERT INTO pending_login VALUES (?, ?, ?)", (_key(key), value, expires_at.timestamp())
            )

    def get(self, key: str) -> str | None:
        """Return the value stored under ``key`` while it lives."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT value FROM pending_login WHERE key = ? AND expires_at > ?",
                (_key(key), self._clock.now().timestamp()),
            ).fetchone()
        return None if row is None else str(row[0])

    def delete(self, key: str) -> None:
        """Forget the entry."""
        with self._database.connection() as connection:
            connection.execute("DELETE FROM pending_login WHERE key = ?", (_key(key),))


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _identity(stored: str) -> Identity:
    values = json.loads(stored)
    actor = values.pop("actor")
    return Identity(**values, actor=Actor(**actor) if actor else None)
