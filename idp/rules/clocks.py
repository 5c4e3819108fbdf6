"""How far a process's clock may be off before nothing that it says about time can be believed."""

from __future__ import annotations

from datetime import datetime, timedelta

MAX_SKEW = timedelta(seconds=30)
"""One time step of TOTP. A code counts in its step and the next (RFC 6238 §5.2): a clock that is one step behind
refuses every right code, one that is a step ahead leaves no time to type it and takes codes that no phone shows yet."""


def skew(before: datetime, there: datetime, after: datetime) -> timedelta:
    """Return by how much our clock is ahead of another (negative: behind); three aware moments.

    The other one showed ``there`` while ours went from ``before`` to ``after``: how long the answer took is no skew.
    """
    if there < before:
        return before - there
    return min(after - there, timedelta(0))


def believable(before: datetime, there: datetime, after: datetime) -> bool:
    """Say whether our clock differs from the other one by ``MAX_SKEW`` at most."""
    return abs(skew(before, there, after)) <= MAX_SKEW
