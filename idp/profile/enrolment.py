"""The secret of an assistant's phone while it is not yet confirmed: one a session, sealed, for a bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from idp.clock import Clock
from idp.login.session import SignOnSession
from idp.plugins import PossessionFactor
from idp.storage.ephemeral import EphemeralStore
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class PendingEnrolments:
    """Shows the same unconfirmed secret until it is confirmed or its time is over."""

    store: EphemeralStore
    clock: Clock
    keyring: Keyring
    possession: PossessionFactor
    lifetime: timedelta

    def secret(self, session: SignOnSession) -> str:
        """Return the session's pending secret, a fresh one when there is none."""
        key = _key(session)
        for _attempt in range(3):
            stored = self.store.get(key)
            if stored is not None:
                return self.keyring.open(stored.decode(), bound_to=key).decode()
            sealed = self.keyring.seal(self.possession.new_secret().encode(), bound_to=key)
            self.store.add(key, sealed.encode(), self.clock.now() + self.lifetime)
        raise RuntimeError("the store keeps losing what was just added")

    def take(self, session: SignOnSession, secret: str) -> bool:
        """Consume the pending secret: true for one caller, and only while it still is ``secret``."""
        taken = self.store.take(_key(session))
        return (
            taken is not None and self.keyring.open(taken.decode(), bound_to=_key(session)).decode() == secret
        )


def _key(session: SignOnSession) -> str:
    return f"enrolment:{session.account_id}:{session.sid}"
