"""What one person is being shown and nobody else may read: kept sealed, at a place of theirs, for a bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from idp.clock import Clock
from idp.login.surroundings import Surroundings
from idp.storage.ephemeral import EphemeralStore
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class Kept:
    """Texts in the ephemeral store. A place names whose it is and what for, in at most 150 characters."""

    store: EphemeralStore
    clock: Clock
    keyring: Keyring
    lifetime: timedelta

    def get(self, place: str) -> str | None:
        """Return what is kept there."""
        return self._opened(place, self.store.get(_key(place)))

    def add(self, place: str, text: str) -> bool:
        """Keep ``text`` only if nothing is kept there; of many callers one does."""
        return self.store.add(_key(place), self._sealed(place, text), self.clock.now() + self.lifetime)

    def put(self, place: str, text: str) -> None:
        """Keep ``text``, whatever was there."""
        self.store.put(_key(place), self._sealed(place, text), self.clock.now() + self.lifetime)

    def take(self, place: str) -> str | None:
        """Return what is kept there and forget it; of many callers one gets it."""
        return self._opened(place, self.store.take(_key(place)))

    def _sealed(self, place: str, text: str) -> bytes:
        return self.keyring.seal(text.encode(), bound_to=_key(place)).encode()

    def _opened(self, place: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else self.keyring.open(sealed.decode(), bound_to=_key(place)).decode()


def kept_of(around: Surroundings) -> Kept:
    """Return the room's: what it keeps lives as long as a sign-in may take."""
    lifetime = timedelta(seconds=around.settings.transaction_lifetime)
    return Kept(around.ephemeral, around.clock, around.keyring, lifetime)


def _key(place: str) -> str:
    return f"kept:{place}"
