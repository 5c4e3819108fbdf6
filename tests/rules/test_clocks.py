"""When a process's clock is too far off another to be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.clocks import MAX_SKEW, believable, skew

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
SPANS = st.timedeltas(timedelta(0), timedelta(days=2))


@pytest.mark.attack(14)
@pytest.mark.parametrize(
    ("there", "right"),
    [
        (NOON, True),
        (NOON - MAX_SKEW, True),
        (NOON + MAX_SKEW, True),
        (NOON - MAX_SKEW - MICRO, False),
        (NOON + MAX_SKEW + MICRO, False),
        (NOON - timedelta(seconds=90), False),
        (NOON + timedelta(seconds=90), False),
    ],
)
def test_a_clock_is_believed_within_one_time_step_of_the_other(there: datetime, right: bool) -> None:
    assert believable(NOON, there, NOON) is right


def test_how_long_the_answer_took_is_no_skew() -> None:
    after = NOON + timedelta(minutes=2)
    for there in (NOON, NOON + timedelta(minutes=1), after):
        assert skew(NOON, there, after) == timedelta(0)
    assert skew(NOON, NOON - timedelta(seconds=3), after) == timedelta(seconds=3)
    assert skew(NOON, after + timedelta(seconds=3), after) == timedelta(seconds=-3)


@given(there=SPANS, took=SPANS)
def test_skew_is_the_least_that_explains_what_was_seen(there: timedelta, took: timedelta) -> None:
    shown, after = NOON - timedelta(days=1) + there, NOON + took
    found = skew(NOON, shown, after)
    assert NOON <= shown + found <= after
    assert found == timedelta(0) or shown + found in (NOON, after)
