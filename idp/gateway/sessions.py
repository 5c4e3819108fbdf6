"""The gateway's own short session on one host: which grant it stands on, and for how long it counts at most.

What was proved, who acts and whether it still counts is the grant's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from idp.clock import Clock
from idp.login.cookies import fingerprint, new_token
from idp.login.session import Lifetime
from idp.rules.assurance import Proof, auth_time_of
from idp.storage.ephemeral import EphemeralStore

_TOUCH_AFTER = timedelta(seconds=60)


class HostSession(BaseModel):
    """One browser signed in on one host."""

    model_config = ConfigDict(frozen=True)

    origin: str
    client_id: str
    grant_id: str
    profile: str
    opened_at: datetime
    """When the oldest proof was shown, as with single sign-on."""
    used_at: datetime


class HostSessions:
    """Sessions in the ephemeral store, under the SHA-256 of the cookie's value."""

    def __init__(self, store: EphemeralStore, clock: Clock, lifetimes: Mapping[str, Lifetime]) -> None:
        self._store = store
        self._clock = clock
        self._lifetimes = lifetimes

    def latest_end(self, proofs: tuple[Proof, ...]) -> datetime:
        """Return when a session on these proofs is over, of whatever profile: the end of the grant behind it."""
        longest = max((lifetime.absolute for lifetime in self._lifetimes.values()), default=timedelta(0))
        return datetime.fromtimestamp(auth_time_of(proofs), UTC) + longest

    def open(
        self, origin: str, client_id: str, grant_id: str, proofs: tuple[Proof, ...], profile: str
    ) -> str:
        """Store a new session and return the cookie's value. It counts as long as there is its grant."""
        session = HostSession(
            origin=origin,
            client_id=client_id,
            grant_id=grant_id,
            profile=profile,
            opened_at=datetime.fromtimestamp(auth_time_of(proofs), UTC),
            used_at=self._clock.now(),
        )
        value = new_token()
        self._store.put(_key(value), session.model_dump_json().encode(), self._ends(session))
        return value

    def load(self, value: str, origin: str) -> HostSession | None:
        """Return the live session of a cookie's value on this host, noting its use at most once a minute.

        One round trip; one more when its use is noted.
        """
        stored = self._store.get(_key(value)) if value else None
        if stored is None:
            return None
        session = HostSession.model_validate_json(stored)
        now = self._clock.now()
        if session.origin != origin or now >= self._ends(session):
            return None
        if now - session.used_at < _TOUCH_AFTER:
            return session
        touched = session.model_copy(update={"used_at": now})
        # A plain put would bring back a session that was closed in between.
        self._store.replace(_key(value), stored, touched.model_dump_json().encode(), self._ends(touched))
        return touched

    def close(self, value: str) -> None:
        """End the session of a cookie's value."""
        if value:
            self._store.delete(_key(value))

    def _ends(self, session: HostSession) -> datetime:
        lifetime = self._lifetimes.get(session.profile)
        if lifetime is None:  # a profile that the settings no longer have
            return session.opened_at
        return min(session.used_at + lifetime.idle, session.opened_at + lifetime.absolute)


def _key(value: str) -> str:
    return f"gateway:{fingerprint(value)}"
