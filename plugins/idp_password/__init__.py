"""The password factor: Argon2id, in a bounded number of computations at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from idp.plugins import FactorBusy, PasswordEvidence
from idp.settings import Settings

MAX_LENGTH = 256
"""Characters; NIST SP 800-63B-4 asks for at least 64. Longer input is never right, whatever it begins with."""

_WAIT_SECONDS = 5.0
"""How long an attempt waits for a place."""


class PasswordFactor:
    """Compares passwords with Argon2id PHC strings, at most ``settings.argon2.workers`` at a time in this process."""

    def __init__(self, settings: Settings, wait_seconds: float = _WAIT_SECONDS) -> None:
        cost = settings.argon2
        self._hasher = PasswordHasher(cost.time_cost, cost.memory_kib, cost.parallelism)
        self._places = BoundedSemaphore(cost.workers)
        self._wait_seconds = wait_seconds
        self._nobody = self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str, *, beside: Sequence[str] = ()) -> str:
        """Return the Argon2id PHC string. Raises ``FactorBusy``; ``ValueError`` for more than ``MAX_LENGTH``."""
        if len(password) > MAX_LENGTH:
            raise ValueError(f"a password has at most {MAX_LENGTH} characters")
        del beside
        with self._place():
            return self._hasher.hash(password)

    def verify(self, stored: Sequence[str], password: str) -> PasswordEvidence:
        """Compare ``password`` with each of ``stored``, or with nobody's when there is none. Raises ``FactorBusy``."""
        with self._place():
            fitting = [self._right(phc, password) for phc in stored or [self._nobody]]
            if not stored or not any(fitting):
                return PasswordEvidence(None)
            which = fitting.index(True)
            if self._hasher.check_needs_rehash(stored[which]):
                return PasswordEvidence(which, self._hasher.hash(password))
            return PasswordEvidence(which)

    def _right(self, phc: str, password: str) -> bool:
        try:
            return self._hasher.verify(phc, password[: MAX_LENGTH + 1]) and len(password) <= MAX_LENGTH
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise FactorBusy
        try:
            yield
        finally:
            self._places.release()
