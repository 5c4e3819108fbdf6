"""The one source of time. Everything that looks at time is given a ``Clock``; nothing else asks the system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Gives the present moment."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the system's time, aware and in UTC."""
        return datetime.now(UTC)


class ShiftedClock:
    """The machine's clock plus a number of seconds that a file holds, so that several processes move together.

    For the demo and the tests only: ``idp serve`` refuses it. A file that is absent or empty is no shift.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the system's time moved by the file's seconds, aware and in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._shift())

    def _shift(self) -> float:
        try:
            return float(self._file.read_text(encoding="ascii").strip() or 0)
        except FileNotFoundError:
            return 0.0
