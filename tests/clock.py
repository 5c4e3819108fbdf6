"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovableClock:
    """A ``Clock`` that stands at a moment. Expiry is stored as a moment: moving the clock moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)) -> None:
        self.set(start)

    def now(self) -> datetime:
        """Return the moment set, aware and in UTC."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Go to an aware moment, forwards or backwards."""
        self._now = moment.astimezone(UTC)

    def advance(self, *, seconds: float) -> None:
        """Move by seconds, negative ones backwards."""
        self._now += timedelta(seconds=seconds)
