"""Who is signed in: rows on the server, found by the hash of a random id that only the cookie holds."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from flask_relying_party.clock import Clock
from flask_relying_party.database import Database
from flask_relying_party.logout_token import Logout
from flask_relying_party.person import Actor, Person

KEPT_FOR_SIGN_OUT = timedelta(hours=12)
COLUMNS = (
    "key, person, access_token, access_ends_at, refresh_token, id_token, form_token, checked_at, expires_at"
)


class SessionEnded(Exception):
    """The provider ended the session while this sign-in at the portal was under way."""


@dataclass(frozen=True)
class Tokens:
    """What the token endpoint gave; it lives on the server only and is never printed.

    ``ends_at`` is the end of the access token.
    """

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    ends_at: datetime
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Limits:
    """How long a session lives unused (``idle``), and at most."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True)
class PortalSession:
    """One signed-in browser. ``checked_at``: when the provider last vouched for it, so also when it was last used."""

    key: str
    person: Person
    tokens: Tokens
    form_token: str = field(repr=False)
    checked_at: datetime
    expires_at: datetime

    @property
    def refreshable(self) -> bool:
        """Whether it outlives its access token."""
        return self.tokens.refresh_token is not None


class Sessions:
    """The table of signed-in browsers. Every method raises ``sqlite3.Error`` when the file cannot be used."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    def start(self, person: Person, tokens: Tokens, issued_at: int, *, replacing: str | None) -> str:
        """Store a session under a fresh id and return that id, for the cookie.

        The session that the browser had before (``replacing``: its cookie) ends in the same transaction, so
        that an id known beforehand is worth nothing. Raises ``SessionEnded`` when a logout token overtook the
        ID token, which was issued at ``issued_at`` (seconds since 1970).
        """
        cookie = secrets.token_urlsafe(32)
        now = self._clock.now()
        # Without a refresh token the provider cannot be asked for longer than the access token lives.
        expires_at = now + self._limits.longest if tokens.refresh_token else tokens.ends_at
        row = (
            hashed(cookie),
            json.dumps(asdict(person)),
            *_columns_of(tokens),
            secrets.token_urlsafe(32),
            now.timestamp(),
            expires_at.timestamp(),
            person.sub,
            person.sid,
        )
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE expires_at <= ?", (self._forgotten(),))
            if replacing:
                connection.execute("DELETE FROM session WHERE key = ?", (hashed(replacing),))
            if _has_ended(connection, person.sid, person.sub, issued_at):
                raise SessionEnded
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO session ({COLUMNS}, sub, sid) VALUES ({marks})", row)  # noqa: S608
        return cookie

    def known(self, cookie: str) -> PortalSession | None:
        """Return the session of that cookie, live or over for less than 12 hours.

        What is over opens nothing. It names who sat there, and its ID token is still a hint at the provider's
        logout (RP-Initiated Logout 1.0 §2), whose own session may go on.
        """
        found = self._row(hashed(cookie))
        return found if found and found.expires_at.timestamp() > self._forgotten() else None

    def find(self, cookie: str) -> PortalSession | None:
        """Return the live session of that cookie; one that is over is as absent as one that never was."""
        return self.fresh(hashed(cookie))

    def fresh(self, key: str) -> PortalSession | None:
        """Return the live session stored under ``key`` as it is now."""
        found = self._row(key)
        return found if found and self.is_live(found) else None

    def is_live(self, session: PortalSession) -> bool:
        """Say whether it is neither unused for too long nor over in any case."""
        now = self._clock.now()
        return now < session.expires_at and now - session.checked_at < self._limits.idle

    def confirm(self, session: PortalSession, at: datetime) -> None:
        """Remember that the provider confirmed the session when it was asked, which was ``at``."""
        with self._database.connection() as connection:
            connection.execute(
                "UPDATE session SET checked_at = ? WHERE key = ?", (at.timestamp(), session.key)
            )

    def end(self, session: PortalSession) -> None:
        """Forget the session and its tokens."""
        with self._database.connection() as connection:
            connection.execute("DELETE FROM session WHERE key = ?", (session.key,))

    def claim_refresh(self, session: PortalSession, until: datetime) -> bool:
        """Say whether the caller alone may use the session's refresh token, until ``until`` at the latest. Atomic."""
        now = self._clock.now().timestamp()
        with self._database.connection() as connection:
            claimed = connection.execute(
                "UPDATE session SET refreshing_until = ? "
                "WHERE key = ? AND access_token = ? AND refreshing_until <= ?",
                (until.timestamp(), session.key, session.tokens.access_token, now),
            )
            return claimed.rowcount == 1

    def renew(self, session: PortalSession, tokens: Tokens, at: datetime) -> None:
        """Put new tokens, asked for ``at``, in the place of those that ``session`` shows. Atomic.

        It does nothing to a session that ended or was renewed meanwhile.
        """
        with self._database.connection() as connection:
            connection.execute(
                "UPDATE session SET access_token = ?, access_ends_at = ?, refresh_token = ?, id_token = ?, "
                "checked_at = ?, refreshing_until = 0 WHERE key = ? AND access_token = ?",
                (*_columns_of(tokens), at.timestamp(), session.key, session.tokens.access_token),
            )

    def release_refresh(self, session: PortalSession) -> None:
        """Let the next request try at once: a lost answer is sent again for a short while only."""
        with self._database.connection() as connection:
            connection.execute(
                "UPDATE session SET refreshing_until = 0 WHERE key = ? AND access_token = ?",
                (session.key, session.tokens.access_token),
            )

    def end_by_provider(self, logout: Logout) -> None:
        """End what a logout token names, once. Atomic.

        The same token again changes nothing: our answer to the first may have been lost. What ended is remembered
        for as long as a session may live: its sign-in may still be on the way here.
        """
        now = self._clock.now()
        what = _named(logout.sid, logout.sub)[0]
        with self._database.transaction() as connection:
            for table in ("ended", "logout_token"):
                connection.execute(f"DELETE FROM {table} WHERE forget_at <= ?", (now.timestamp(),))  # noqa: S608
            once = connection.execute(
                "INSERT INTO logout_token VALUES (?, ?) ON CONFLICT DO NOTHING",
                # Longer than the leeway with which its end is judged.
                (hashed(logout.jti), (logout.expires_at + timedelta(minutes=5)).timestamp()),
            )
            if once.rowcount == 0:
                return
            connection.execute(
                "DELETE FROM session WHERE (? IS NULL OR sid = ?) AND (? IS NULL OR sub = ?)",
                (logout.sid, logout.sid, logout.sub, logout.sub),
            )
            connection.execute(
                "INSERT INTO ended VALUES (?, ?, ?) ON CONFLICT (what) DO UPDATE SET "
                "ended_at = max(ended_at, excluded.ended_at), forget_at = max(forget_at, excluded.forget_at)",
                (what, logout.issued_at.timestamp(), (now + self._limits.longest).timestamp()),
            )

    def has_ended(self, sid: str | None, sub: str, issued_at: int) -> bool:
        """Say whether the provider told that the session behind a token issued at ``issued_at`` is over."""
        with self._database.connection() as connection:
            return _has_ended(connection, sid, sub, issued_at)

    def _row(self, key: str) -> PortalSession | None:
        statement = f"SELECT {COLUMNS} FROM session WHERE key = ?"  # noqa: S608
        with self._database.connection() as connection:
            row = connection.execute(statement, (key,)).fetchone()
        if row is None:
            return None
        key, person, access_token, ends_at, refresh_token, id_token, form_token, checked_at, expires_at = row
        return PortalSession(
            key=key,
            person=_person(person),
            tokens=Tokens(access_token, id_token, _moment(ends_at), refresh_token),
            form_token=form_token,
            checked_at=_moment(checked_at),
            expires_at=_moment(expires_at),
        )

    def _forgotten(self) -> float:
        """Return the latest expiry, in seconds since 1970, of rows that are of no use any more."""
        return (self._clock.now() - KEPT_FOR_SIGN_OUT).timestamp()


def hashed(secret: str) -> str:
    """Return the SHA-256 of a random secret, under which the file keeps what it opens."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _has_ended(connection: sqlite3.Connection, sid: str | None, sub: str, issued_at: int) -> bool:
    """A provider's session ends for good; a person may sign in anew after all of theirs ended."""
    for what in _named(sid, sub):
        row = connection.execute("SELECT ended_at FROM ended WHERE what = ?", (what,)).fetchone()
        if row is not None and (what.startswith("sid:") or issued_at <= row[0]):
            return True
    return False


def _named(sid: str | None, sub: str | None) -> list[str]:
    pairs = (("sid", sid), ("sub", sub))
    return [f"{kind}:{value}" for kind, value in pairs if value is not None]


def _columns_of(tokens: Tokens) -> tuple[str, float, str | None, str]:
    return tokens.access_token, tokens.ends_at.timestamp(), tokens.refresh_token, tokens.id_token


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _person(stored: str) -> Person:
    values = json.loads(stored)
    actor = values.pop("actor")
    return Person(**values, actor=Actor(**actor) if actor else None)
