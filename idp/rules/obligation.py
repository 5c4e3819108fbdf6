"""The day on which two factors become obligatory, and how far off it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from idp.rules.assurance import FUND_ZONE, Policy


def first_day_named(policies: Iterable[Policy]) -> date | None:
    """Return the earliest day that a policy names; ``None`` when all are *optional* or *required* without a day."""
    return min(_days(policies), default=None)


def next_day_named(policies: Iterable[Policy], now: datetime) -> date | None:
    """Return the earliest day named that has not begun at ``now`` (aware), or ``None``."""
    return min((day for day in _days(policies) if not Policy(day).in_force(now)), default=None)


def stopped(own: Policy, services: Iterable[Policy], moment: datetime) -> bool:
    """Say whether at ``moment`` (aware) a date has come that stops who has no second factor.

    Counted are the profile's ``own`` policy and those of ``services`` that name a day. One that always demanded two
    factors stops nobody whom it did not stop before.
    """
    days = [Policy(day) for day in _days(services)]
    return any(policy.in_force(moment) for policy in (own, *days))


def days_until(day: date, now: datetime) -> int:
    """Return how many midnights of Europe/Monaco lie before ``day``: 1 is tomorrow, 0 today, less is past."""
    return (day - now.astimezone(FUND_ZONE).date()).days


def _days(policies: Iterable[Policy]) -> Iterable[date]:
    return (policy.since for policy in policies if policy.since is not None and policy.since != date.min)
