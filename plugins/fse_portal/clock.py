"""The portal's own source of time; nothing else in the package asks the system for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

MONACO = ZoneInfo("Europe/Monaco")


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
    """The machine's clock plus the seconds that a file holds; an absent or empty file is no shift.

    For demonstrations, where provider and portal have to move in time together.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the system's time moved by the file's seconds, aware and in UTC."""
        try:
            seconds = float(self._file.read_text(encoding="ascii").strip() or 0)
        except FileNotFoundError:
            seconds = 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)


def today_in_monaco(clock: Clock) -> date:
    """Return the calendar day in Europe/Monaco."""
    return clock.now().astimezone(MONACO).date()
