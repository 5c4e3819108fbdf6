"""The password factor: Argon2id with a pepper, in a bounded number of computations at once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2.exceptions import HashingError

from idp.configuration import ConfigurationErrors
from idp.plugins import FactorBusy, PasswordEvidence
from idp.rules.passwords import LONGEST_TYPED, MAXIMUM, normalised
from idp.settings import Settings
from idp_password import argon2id, legacy
from idp_password.argon2id import Argon2String, Cost, Recipe
from idp_password.pepper import MissingKey, Pepper

_SALT_BYTES = 16
_DEAREST_IMPORT = 2**20
"""KiB times passes of an Argon2 string from elsewhere: about a second."""

_WAIT_SECONDS = 5.0
"""How long an attempt waits for a place."""


class PasswordFactor:
    """Compares passwords with what is kept of them, at most ``settings.argon2.workers`` at a time in this process.

    Passwords are normalised (NFKC) before they are hashed. What was hashed as it was typed, without a pepper, under an
    older key, at another cost or by another system still verifies, and comes back as it should be kept from now on.
    """

    def __init__(self, settings: Settings, wait_seconds: float = _WAIT_SECONDS) -> None:
        cost = settings.argon2
        self._cost = Cost(cost.memory_kib, cost.time_cost, cost.parallelism)
        self._places = BoundedSemaphore(cost.workers)
        self._wait_seconds = wait_seconds
        try:
            self._pepper = Pepper(settings.pepper_file)
        except (OSError, ValueError) as error:
            expected = str(error) if isinstance(error, ValueError) else "a readable file of pepper keys"
            raise ConfigurationErrors([settings.error(("pepper_file",), expected)]) from None
        self._nobody = self._recipe(())

    def hash(self, password: str, *, beside: Sequence[str] = ()) -> str:
        """Return the string to keep, with the salt of those ``beside`` it.

        Raises ``FactorBusy``; ``ValueError`` for more than ``MAXIMUM`` characters once normalised, or surrogates.
        """
        if not _usable(password) or len(normalised(password)) > MAXIMUM:
            raise ValueError(f"a password is text of at most {MAXIMUM} characters")
        with self._place():
            return self._hashed(password, beside)

    def verify(self, stored: Sequence[str], password: str) -> PasswordEvidence:
        """Say which of ``stored`` the password fits. Raises ``FactorBusy``.

        Each recipe among them is computed once, nobody's where there is none: with the salt that ``hash`` shares, an
        account costs one computation however many people it has, and none at all costs the same.
        """
        with self._place():
            if not _usable(password):
                self._digest(self._nobody, b"")
                return PasswordEvidence(None)
            as_hashed = normalised(password)
            for spelling in dict.fromkeys((as_hashed, password)):
                which = self._which(stored, spelling)
                if which is not None:
                    others = [*stored[:which], *stored[which + 1 :]]
                    good = spelling == as_hashed and self._is_current(stored[which])
                    return PasswordEvidence(which, None if good else self._hashed(password, others))
        return PasswordEvidence(None)

    def accepts(self, phc: str) -> bool:
        """Say whether ``verify`` can compare a string made elsewhere, at a cost that a sign-in may have."""
        found = argon2id.read(phc)
        if found is None:
            return legacy.read(phc) is not None
        cost = found.recipe.cost
        return cost.memory_kib * cost.time_cost <= _DEAREST_IMPORT and self._pepper.knows(found.recipe.kid)

    def _which(self, stored: Sequence[str], spelling: str) -> int | None:
        secret = spelling.encode()
        kept = [argon2id.read(text) for text in stored]
        recipes = {one.recipe for one in kept if one is not None}
        digests = {recipe: self._digest(recipe, secret) for recipe in recipes}
        if not any(digests.values()):
            self._digest(self._nobody, secret)
        fitting = [
            _same(digests[one.recipe], one) if one is not None else _fits_legacy(text, secret)
            for one, text in zip(kept, stored, strict=True)
        ]
        return fitting.index(True) if True in fitting else None

    def _digest(self, recipe: Recipe, secret: bytes) -> bytes | None:
        try:
            return recipe.computed(self._pepper.mixed(recipe.kid, secret))
        except (MissingKey, HashingError):
            return None

    def _hashed(self, password: str, beside: Sequence[str]) -> str:
        recipe = self._recipe(beside)
        mixed = self._pepper.mixed(recipe.kid, normalised(password).encode())
        return recipe.written(recipe.computed(mixed))

    def _recipe(self, beside: Sequence[str]) -> Recipe:
        """Return how to hash now: with a salt in use ``beside``, one at the present cost if there is one."""
        present = [one.recipe for one in map(argon2id.read, beside) if one is not None]
        salts = [recipe.salt for recipe in sorted(present, key=self._is_outdated)]
        salt = salts[0] if salts else secrets.token_bytes(_SALT_BYTES)
        return Recipe(self._pepper.active, self._cost, salt)

    def _is_current(self, text: str) -> bool:
        found = argon2id.read(text)
        return found is not None and not self._is_outdated(found.recipe)

    def _is_outdated(self, recipe: Recipe) -> bool:
        return (recipe.kid, recipe.cost) != (self._pepper.active, self._cost)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise FactorBusy
        try:
            yield
        finally:
            self._places.release()


def _usable(password: str) -> bool:
    return len(password) <= LONGEST_TYPED and not any("\ud800" <= sign <= "\udfff" for sign in password)


def _same(digest: bytes | None, kept: Argon2String) -> bool:
    return digest is not None and hmac.compare_digest(digest, kept.digest)


def _fits_legacy(text: str, secret: bytes) -> bool:
    fits = legacy.read(text)
    # What made them in C stopped at a NUL, and HMAC pads with it.
    return fits is not None and b"\0" not in secret and fits(secret)
