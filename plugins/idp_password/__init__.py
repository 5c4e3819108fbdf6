"""The password factor: Argon2id, in a bounded number of computations at once."""

from __future__ import annotations

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from idp.plugins import FactorBusy, PasswordEvidence
from idp.settings import Settings

MAX_LENGTH = 256
"""Characters; NIST SP 800-63B-4 asks for at least 64. Longer input is refused before any hashing."""

_WAIT_SECONDS = 5.0


class PasswordFactor:
    """Compares passwords with Argon2id PHC strings, at most ``settings.argon2.workers`` at a time in this process."""

    def __init__(self, settings: Settings) -> None:
        cost = settings.argon2
        self._hasher = PasswordHasher(cost.time_cost, cost.memory_kib, cost.parallelism)
        self._places = BoundedSemaphore(cost.workers)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Return the Argon2id PHC string of ``password``. Raises ``FactorBusy``."""
        with _Place(self._places):
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> PasswordEvidence:
        """Compare ``password`` with ``stored``, or with nobody's when there is none. Raises ``FactorBusy``."""
        with _Place(self._places):
            right = self._right(stored or self._nobody, password) and stored is not None
            if right and stored is not None and self._hasher.check_needs_rehash(stored):
                return PasswordEvidence(True, self._hasher.hash(password))
            return PasswordEvidence(right)

    def _right(self, phc: str, password: str) -> bool:
        try:
            return self._hasher.verify(phc, password[: MAX_LENGTH + 1]) and len(password) <= MAX_LENGTH
        except (VerificationError, InvalidHashError):
            return False


class _Place:
    """One of the places for an Argon2 computation, waited for a bounded time."""

    def __init__(self, places: BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(timeout=_WAIT_SECONDS):
            raise FactorBusy

    def __exit__(self, *_: object) -> None:
        self._places.release()
