"""One-time codes that people read from paper: made, normalised as typed, and kept so that a dump opens nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from idp.storage.keyring import Keyring

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L, O and U, five bits a sign."""

_READ_AS = str.maketrans("OIL", "011", " \t-\u00a0\u2009\u202f\u2010\u2011\u2013\u2014")
_MAX_TYPED = 64


Kind = Literal["recovery", "activation"]


@dataclass(frozen=True)
class Ticket:
    """A code that was shown and is still to be used: its kind, and what names it in its table. Opens nothing."""

    kind: Kind
    reference: str


@dataclass(frozen=True)
class Shape:
    """How a kind of code is written: groups of signs with a hyphen between them."""

    kind: Kind | Literal["link"]
    groups: int
    signs: int
    """Of one group."""

    def new(self) -> str:
        """Return a fresh code as it is printed."""
        return "-".join(
            "".join(secrets.choice(_SIGNS) for _ in range(self.signs)) for _ in range(self.groups)
        )

    def normalised(self, typed: str) -> str | None:
        """Return the code in its one form, or ``None`` when it cannot be one: then nothing is compared.

        Case, blanks and hyphens make no difference, and what a person misreads is read as it was meant.
        """
        if len(typed) > _MAX_TYPED:
            return None
        code = typed.upper().translate(_READ_AS)
        return code if len(code) == self.groups * self.signs and set(code) <= set(_SIGNS) else None


RECOVERY = Shape("recovery", 2, 5)
"""50 bits: a look-up secret (NIST SP 800-63B-4 §3.1.2)."""

ACTIVATION = Shape("activation", 3, 4)
"""60 bits; of another length than a recovery code, so that one field may take either."""


def kept_form(keyring: Keyring, shape: Shape, account_id: str, code: str) -> str:
    """Return what is stored of a normalised code: its SHA-256, sealed for this account.

    The hash alone would do against nobody who has the table: 50 bits can be tried. Sealed, it moves to a new key with
    everything else that the keyring seals.
    """
    return keyring.seal(_hashed(code), bound_to=bound_to(shape, account_id))


def fits(keyring: Keyring, shape: Shape, account_id: str, code: str, stored: str) -> bool:
    """Compare a normalised code with what is stored, in constant time. Raises ``SealBroken``."""
    return hmac.compare_digest(keyring.open(stored, bound_to=bound_to(shape, account_id)), _hashed(code))


def _hashed(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def bound_to(shape: Shape, account_id: str) -> str:
    """Return what a code is sealed to."""
    return f"{shape.kind}_code:{account_id}"
