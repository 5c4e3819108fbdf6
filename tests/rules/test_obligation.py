"""Which day is named, and how many midnights of Monaco lie before it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from idp.rules.assurance import Policy
from idp.rules.obligation import days_until, first_day_named, next_day_named, stopped

MARCH, JUNE = Policy.required_from(date(2026, 3, 1)), Policy.required_from(date(2026, 6, 1))
MIDNIGHT = datetime(2026, 2, 28, 23, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("policies", "first"),
    [
        ([], None),
        ([Policy.optional(), Policy.required()], None),
        ([JUNE], date(2026, 6, 1)),
        ([JUNE, Policy.required(), MARCH, Policy.optional()], date(2026, 3, 1)),
    ],
)
def test_the_first_day_named_is_no_always_and_no_never(policies: list[Policy], first: date | None) -> None:
    assert first_day_named(policies) == first


def test_the_next_day_named_is_one_that_has_not_begun() -> None:
    policies = [Policy.required(), Policy.optional(), JUNE, MARCH]
    assert next_day_named(policies, MIDNIGHT - SECOND) == date(2026, 3, 1)
    assert next_day_named(policies, MIDNIGHT) == date(2026, 6, 1)
    assert next_day_named([MARCH, Policy.required()], MIDNIGHT) is None


@pytest.mark.parametrize(
    ("own", "services", "before", "after"),
    [
        (Policy.optional(), [], False, False),
        (Policy.optional(), [Policy.required()], False, False),
        (Policy.required(), [], True, True),
        (MARCH, [], False, True),
        (Policy.optional(), [JUNE, MARCH], False, True),
        (JUNE, [Policy.required(), Policy.optional()], False, False),
    ],
)
def test_a_date_that_has_come_stops_and_a_service_that_always_demanded_does_not(
    own: Policy, services: list[Policy], before: bool, after: bool
) -> None:
    assert stopped(own, services, MIDNIGHT - SECOND) is before
    assert stopped(own, services, MIDNIGHT) is after


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (datetime(2026, 1, 13, 12, tzinfo=UTC), 47),
        (MIDNIGHT - timedelta(days=1), 1),
        (MIDNIGHT - SECOND, 1),
        (MIDNIGHT, 0),
        (MIDNIGHT + timedelta(days=1) - SECOND, 0),
        (MIDNIGHT + timedelta(days=1), -1),
    ],
)
def test_days_are_counted_by_midnights_in_monaco(now: datetime, left: int) -> None:
    assert days_until(date(2026, 3, 1), now) == left


def test_the_change_of_hour_takes_no_day_away() -> None:
    assert days_until(date(2026, 4, 1), datetime(2026, 3, 27, 23, 30, tzinfo=UTC)) == 4
    assert days_until(date(2026, 3, 30), datetime(2026, 3, 28, 23, 30, tzinfo=UTC)) == 1
