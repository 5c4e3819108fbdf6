"""Argon2 strings as they are kept, ``$argon2id$v=19$m=…,t=…,p=…$salt$digest``, peppered ones after ``$pepper=<kid>``.

The prefix names the key that was mixed in before Argon2 (HMAC-SHA256), so that a rotated one still verifies.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import NamedTuple

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

_BASE64 = "[A-Za-z0-9+/]+"
_FORM = re.compile(
    r"(?:\$pepper=(?P<kid>[A-Za-z0-9_-]{1,32}))?"
    r"\$argon2(?P<type>id|i)\$v=(?P<version>16|19)\$m=(?P<memory>[0-9]{1,7}),t=(?P<time>[0-9]{1,3}),p=(?P<lanes>[0-9]{1,2})"
    rf"\$(?P<salt>{_BASE64})\$(?P<digest>{_BASE64})"
)
_TYPES = {"id": Type.ID, "i": Type.I}
_SHORTEST_SALT, _SHORTEST_DIGEST = 8, 16


class Cost(NamedTuple):
    """What one computation costs, and in which variant."""

    memory_kib: int
    time_cost: int
    lanes: int
    length: int = 32
    """Bytes of the digest."""
    type: Type = Type.ID
    version: int = ARGON2_VERSION


@dataclass(frozen=True)
class Recipe:
    """All that a digest depends on but the password: strings of one recipe are compared by one computation."""

    kid: str | None
    """The pepper's key; ``None``: none was mixed in."""
    cost: Cost
    salt: bytes

    def computed(self, secret: bytes) -> bytes:
        """Return the digest of the peppered password. Raises argon2's ``HashingError`` where memory is short."""
        memory, time, lanes, length, kind, version = self.cost
        return hash_secret_raw(secret, self.salt, time, memory, lanes, length, kind, version)

    def written(self, digest: bytes) -> str:
        """Return the string to keep."""
        memory, time, lanes, _length, kind, version = self.cost
        name = next(name for name, known in _TYPES.items() if known is kind)
        pepper = "" if self.kid is None else f"$pepper={self.kid}"
        shown = "$".join(base64.b64encode(raw).decode().rstrip("=") for raw in (self.salt, digest))
        return f"{pepper}$argon2{name}$v={version}$m={memory},t={time},p={lanes}${shown}"


@dataclass(frozen=True)
class Argon2String:
    """A string that was read."""

    recipe: Recipe
    digest: bytes


def read(text: str) -> Argon2String | None:
    """Return what ``text`` says, or ``None`` when it is no such string."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    try:
        salt, digest = (
            base64.b64decode(found[part] + "=" * (-len(found[part]) % 4)) for part in ("salt", "digest")
        )
    except binascii.Error:
        return None
    memory, time, lanes = (int(found[part]) for part in ("memory", "time", "lanes"))
    possible = time and lanes and memory >= 8 * lanes
    if not possible or len(salt) < _SHORTEST_SALT or len(digest) < _SHORTEST_DIGEST:
        return None
    cost = Cost(memory, time, lanes, len(digest), _TYPES[found["type"]], int(found["version"]))
    return Argon2String(Recipe(found["kid"], cost, salt), digest)
