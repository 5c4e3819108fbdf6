"""The portal's own source of time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Gives the present moment."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the system's seconds."""
        return time.time()


class ShiftedClock:
    """The machine's clock plus the seconds that a file holds, for demonstrations; an absent file is no shift."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> float:
        """Return the system's seconds moved by the file's."""
        try:
            shift = float(self._file.read_text(encoding="ascii").strip() or 0)
        except FileNotFoundError:
            shift = 0.0
        return time.time() + shift
