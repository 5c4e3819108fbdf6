"""Windows of delegations, in days of Europe/Monaco, and what an actor may never do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.assurance import FUND_ZONE, Acr
from idp.rules.delegation import (
    ENDING_SOON,
    Actor,
    Denial,
    Window,
    ends_soon,
    first_day,
    grantable,
    last_day,
    managing_denied,
    reached_from,
    window_of_days,
)
from tests.rules.situations import ASSISTANT, NO_DEADLINE

SECOND = timedelta(seconds=1)
START, END = datetime(2026, 1, 14, 23, tzinfo=UTC), datetime(2026, 1, 15, 23, tzinfo=UTC)
any_day = st.dates(date(1900, 1, 1), date(2199, 12, 31))


@pytest.mark.attack(49)
@pytest.mark.parametrize(
    ("now", "holds", "is_over"),
    [
        (START - SECOND, False, False),
        (START, True, False),
        (END - SECOND, True, False),
        (END, False, True),
        (END + SECOND, False, True),
    ],
)
def test_a_window_holds_from_its_start_to_just_before_its_end(
    now: datetime, holds: bool, is_over: bool
) -> None:
    window = window_of_days(date(2026, 1, 15), date(2026, 1, 15))
    assert window == Window(START, END)
    assert (window.holds(now), window.is_over(now)) == (holds, is_over)


def test_a_window_without_an_end_stays_open() -> None:
    window = window_of_days(date(2026, 1, 15), None)
    assert not window.holds(START - SECOND)
    assert window.holds(START + timedelta(days=36_500))
    assert not window.is_over(START + timedelta(days=36_500))
    assert last_day(window) is None


@pytest.mark.parametrize(
    ("now", "soon"),
    [
        (END - ENDING_SOON - SECOND, False),
        (END - ENDING_SOON, True),
        (END - SECOND, True),
        (END, False),
    ],
)
def test_an_end_is_soon_in_the_last_fourteen_days_before_it(now: datetime, soon: bool) -> None:
    assert ends_soon(Window(START - ENDING_SOON, END), now) is soon
    assert not ends_soon(Window(START - ENDING_SOON, None), now)


LINKS = {"a": None, "b": "a", "c": "b", "d": "a", "alone": None, "orphan": "gone", "x": "y", "y": "x"}


@pytest.mark.attack(62)
@pytest.mark.parametrize(
    ("signed_in", "reached"),
    [
        pytest.param("a", {"b", "c", "d"}, id="where the codes were asked for, on from there"),
        pytest.param("b", {"c"}, id="never backwards, nor aside"),
        pytest.param("d", set(), id="the end of a way"),
        pytest.param("alone", set(), id="nobody linked"),
        pytest.param("orphan", set(), id="linked from one no longer in force"),
        pytest.param("gone", set(), id="no longer in force: it lets in nowhere"),
        pytest.param("x", {"y"}, id="a circle"),
    ],
)
def test_a_sign_in_does_for_those_who_accepted_it_and_for_nobody_else(
    signed_in: str, reached: set[str]
) -> None:
    assert reached_from(signed_in, LINKS) == reached


@pytest.mark.attack(50)
@pytest.mark.parametrize(
    ("day", "hours", "ends"),
    [
        (date(2026, 3, 29), 23, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 25), 25, datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (date(2026, 7, 14), 24, datetime(2026, 7, 14, 22, tzinfo=UTC)),
        (date(2026, 12, 31), 24, datetime(2026, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_day_of_the_change_of_hour_is_longer_or_shorter_and_ends_at_its_own_midnight(
    day: date, hours: int, ends: datetime
) -> None:
    window = window_of_days(day, day)
    assert window.end == ends
    assert window.end - window.start == timedelta(hours=hours)
    assert window.holds(ends - SECOND)
    assert not window.holds(ends)
    assert (first_day(window), last_day(window)) == (day, day)


@NO_DEADLINE
@given(any_day, st.none() | st.integers(0, 40_000))
def test_the_days_of_a_window_are_those_it_was_made_of(first: date, length: int | None) -> None:
    last = None if length is None else min(first + timedelta(days=length), date(2199, 12, 31))
    window = window_of_days(first, last)
    assert (first_day(window), last_day(window)) == (first, last)


@NO_DEADLINE
@given(any_day, st.integers(0, 800), st.integers(-2_200_000_000, 7_300_000_000))
def test_a_window_holds_exactly_on_its_days_in_monaco(first: date, length: int, seconds: int) -> None:
    now, last = datetime.fromtimestamp(seconds, UTC), first + timedelta(days=length)
    assert window_of_days(first, last).holds(now) == (first <= now.astimezone(FUND_ZONE).date() <= last)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before the first"):
        window_of_days(date(2026, 1, 15), date(2026, 1, 14))


@pytest.mark.parametrize(("first", "last"), [(date.min, None), (date(2026, 1, 1), date.max)])
def test_the_two_ends_of_the_calendar_are_refused(first: date, last: date | None) -> None:
    with pytest.raises(OverflowError):
        window_of_days(first, last)


@pytest.mark.parametrize(
    ("acr", "actor", "age", "denied"),
    [
        ("mfa", None, 0, None),
        ("mfa", None, 900, None),
        ("mfa", None, 901, "insufficient_user_authentication"),
        ("pwd", None, 0, "insufficient_user_authentication"),
        ("mfa", ASSISTANT, 0, "insufficient_scope"),
        ("pwd", ASSISTANT, 0, "insufficient_scope"),
    ],
)
def test_only_the_holder_in_person_with_two_factors_just_shown_manages(
    acr: Acr, actor: Actor | None, age: float, denied: Denial | None
) -> None:
    assert managing_denied(acr, actor, age) == denied


@pytest.mark.attack(55)
@pytest.mark.parametrize(
    ("profile", "actor", "granted"),
    [
        ("health_professional", None, ("openid", "assistants:manage", "profile")),
        ("health_professional", ASSISTANT, ("openid", "profile")),
        ("insured", None, ("openid", "profile")),
        ("employer", None, ("openid", "profile")),
    ],
)
def test_the_scope_that_manages_is_granted_by_a_practitioner_in_person_alone(
    profile: str, actor: Actor | None, granted: tuple[str, ...]
) -> None:
    assert grantable(("openid", "assistants:manage", "profile"), profile, actor) == granted
