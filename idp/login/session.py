"""The single sign-on session: what was proved, by whom, and for how long it counts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from idp.clock import Clock
from idp.login.cookies import fingerprint, new_token
from idp.rules.assurance import Acr, Proof, acr_of, auth_time_of
from idp.settings import Settings
from idp.storage.ephemeral import EphemeralStore

_TOUCH_AFTER = timedelta(seconds=60)


class SignOnSession(BaseModel):
    """One signed-in browser. ``sid`` goes into tokens and is not the cookie; it survives a step-up, not a new actor."""

    model_config = ConfigDict(frozen=True)

    sid: str
    account_id: str
    delegation_id: str | None
    profile: str
    proofs: tuple[Proof, ...]
    opened_at: datetime
    """When its oldest proof was shown: a step-up makes the password before it last no longer."""
    used_at: datetime
    device: str = ""
    """Browser and system, in words, as its owner will recognise them."""
    via_delegation_id: str | None = None
    """By which other delegation the assistant signed in, where they chose this one then."""

    @property
    def acr(self) -> Acr:
        """What the proofs are worth."""
        return acr_of(self.proofs)


@dataclass(frozen=True)
class Lifetime:
    """How long a session may lie unused, and how long it lasts at all."""

    idle: timedelta
    absolute: timedelta


def lifetimes_of(settings: Settings) -> dict[str, Lifetime]:
    """Return how long the sessions of each profile last."""
    return {
        name: Lifetime(timedelta(seconds=profile.session_idle), timedelta(seconds=profile.session_absolute))
        for name, profile in settings.profiles.items()
    }


class SessionStore:
    """Sessions in the ephemeral store, under the SHA-256 of the cookie's value."""

    def __init__(self, store: EphemeralStore, clock: Clock, lifetimes: Mapping[str, Lifetime]) -> None:
        self._store = store
        self._clock = clock
        self._lifetimes = lifetimes

    def open(
        self,
        account_id: str,
        delegation_id: str | None,
        profile: str,
        proofs: tuple[Proof, ...],
        sid: str | None,
        device: str,
        via_delegation_id: str | None,
    ) -> tuple[str, SignOnSession]:
        """Store a new session and return the cookie's value with it; ``sid`` is given when a step-up continues one."""
        now = self._clock.now()
        session = SignOnSession(
            sid=sid or secrets.token_hex(16),
            account_id=account_id,
            delegation_id=delegation_id,
            profile=profile,
            proofs=proofs,
            opened_at=_opened_at(proofs),
            used_at=now,
            device=device,
            via_delegation_id=via_delegation_id,
        )
        value = new_token()
        self._put(value, session)
        return value, session

    def load(self, value: str, *, used: bool = True) -> SignOnSession | None:
        """Return the live session of a cookie's value, noting that it is ``used`` at most once a minute."""
        stored = self._store.get(_key(value)) if value else None
        if stored is None:
            return None
        session = SignOnSession.model_validate_json(stored)
        now = self._clock.now()
        if now >= self._ends(session):
            return None
        if not used or now - session.used_at < _TOUCH_AFTER:
            return session
        touched = session.model_copy(update={"used_at": now})
        # A plain put would bring back a session that was closed in between.
        self._store.replace(_key(value), stored, touched.model_dump_json().encode(), self._ends(touched))
        return touched

    def close(self, value: str) -> None:
        """End the session of a cookie's value."""
        if value:
            self._store.delete(_key(value))

    def _put(self, value: str, session: SignOnSession) -> None:
        self._store.put(_key(value), session.model_dump_json().encode(), self._ends(session))

    def ends_at_the_latest(self, profile: str, proofs: tuple[Proof, ...]) -> datetime:
        """Return when a session of these proofs ends however much it is used."""
        lifetime, opened_at = self._lifetimes.get(profile), _opened_at(proofs)
        return opened_at + lifetime.absolute if lifetime else opened_at

    def _ends(self, session: SignOnSession) -> datetime:
        latest = self.ends_at_the_latest(session.profile, session.proofs)
        lifetime = self._lifetimes.get(session.profile)
        # Without one the settings no longer have the profile.
        return min(session.used_at + lifetime.idle, latest) if lifetime else latest


def _opened_at(proofs: tuple[Proof, ...]) -> datetime:
    return datetime.fromtimestamp(auth_time_of(proofs), UTC)


def _key(value: str) -> str:
    return f"session:{fingerprint(value)}"
