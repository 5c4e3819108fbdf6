"""The on-screen keypad: its order is known to the server alone, and good for one attempt."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

MAX_POSITIONS = 64


class Keypad(BaseModel):
    """One permutation of the digits. The browser sends positions; only the server turns them into digits."""

    model_config = ConfigDict(frozen=True)

    id: str
    order: str

    def digits(self, positions: str) -> str | None:
        """Return the digits at ``positions``, or ``None`` when these are no positions."""
        if len(positions) > MAX_POSITIONS or not (positions.isascii() and positions.isdigit()):
            return None
        return "".join(self.order[int(position)] for position in positions)


@dataclass(frozen=True)
class KeypadView:
    """What the page shows: the labels in order, and the positions pressed so far."""

    id: str
    digits: list[str]
    positions: str

    @property
    def typed(self) -> int:
        """How many keys were pressed."""
        return len(self.positions)


def shuffled() -> Keypad:
    """Return a new permutation under a new id."""
    digits = list("0123456789")
    secrets.SystemRandom().shuffle(digits)
    return Keypad(id=secrets.token_hex(8), order="".join(digits))


def pressed(positions: str, key: str) -> str:
    """Return the positions after one more key; ``erase`` clears them, anything that is no key changes nothing."""
    if key == "erase":
        return ""
    is_key = len(key) == 1 and key.isascii() and key.isdigit()
    return positions + key if is_key and len(positions) < MAX_POSITIONS else positions
