"""How long a failure makes the next attempt wait."""

from __future__ import annotations

from datetime import timedelta

FREE_FAILURES = 3
FORGOTTEN_AFTER = timedelta(days=1)
"""How long after the last wait, with no further attempt, the count starts anew."""

_DELAYS = (1, 3, 5, 10, 30, 60, 120, 300, 600, 900)


def delay_after(failures: int) -> timedelta:
    """Return how long the next attempt must wait after ``failures`` failures in a row.

    The first three cost nothing, then 1, 3, 5, 10 s and on to a quarter of an hour, where it stays.
    """
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return timedelta(seconds=_DELAYS[min(failures - FREE_FAILURES, len(_DELAYS)) - 1])
