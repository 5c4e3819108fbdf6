"""The time of a demonstration, and the day in Monaco."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from flask_relying_party import Clock

MONACO = ZoneInfo("Europe/Monaco")


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
