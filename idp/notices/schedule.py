"""When a notice that was not taken is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
_LATER: Final = timedelta(hours=12)


def next_attempt(attempts: int, now: datetime, last: datetime) -> datetime | None:
    """Return when to try again after ``attempts`` (at least one), or ``None`` when that would not be before ``last``.

    After 1, 5 and 30 minutes, 2 and 6 hours, then every 12 hours.
    """
    delay = _DELAYS[attempts - 1] if attempts <= len(_DELAYS) else _LATER
    return now + delay if now + delay < last else None
