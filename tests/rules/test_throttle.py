"""How long failures make the next attempt wait, and the chances of guessing that this leaves."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from idp.rules.throttle import (
    CODE_ELSEWHERE,
    CODE_ON_KNOWN_DEVICE,
    FORGOTTEN,
    FORGOTTEN_AFTER,
    ONE_TIME_CODE,
    YEAR,
    Allowance,
    chance_at_a_code_used_once,
    chance_at_a_password,
    chance_of_a_stranger,
    chance_of_an_assistant,
    delay_after,
    digit_passwords,
    most_guesses,
)

PROMISED = 1 / 1_000
"""The chance per account and year that the product promises."""


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        (0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 3), (6, 5), (7, 10), (8, 30), (9, 60), (10, 120), (11, 300),
        (12, 600), (13, 900), (14, 900), (20, 900), (21, 7_200), (22, 7_200), (1_000_000, 7_200),
    ],
)  # fmt: skip
def test_three_failures_are_free_then_the_wait_grows_to_two_hours(failures: int, seconds: int) -> None:
    assert delay_after(failures) == timedelta(seconds=seconds)


def test_one_more_failure_never_shortens_the_wait() -> None:
    delays = [delay_after(failures) for failures in range(50)]
    assert delays == sorted(delays)


@pytest.mark.attack(4)
@pytest.mark.attack(58)
def test_who_knows_the_password_guesses_a_code_of_anybody_once_in_a_thousand_years() -> None:
    guesses = CODE_ELSEWHERE.kept_in_a_year + CODE_ON_KNOWN_DEVICE.kept_in_a_year
    assert (CODE_ELSEWHERE.kept_in_a_year, guesses) == (20, 44)
    assert chance_of_a_stranger() == pytest.approx(guesses * 11 * 2 / 1_000_000)
    assert chance_of_a_stranger() <= PROMISED


@pytest.mark.attack(58)
def test_an_assistant_who_wastes_what_is_forgiven_guesses_the_doctors_code_once_in_a_thousand_years() -> None:
    assert chance_of_an_assistant() == pytest.approx((44 + 2 * (200 + 25)) * 2 / 1_000_000)
    assert chance_of_an_assistant() <= PROMISED


def test_what_is_renewed_each_year_can_be_spent_twice_around_the_turn_of_it() -> None:
    assert Allowance(12, "each year", 0).kept_in_a_year == 24
    assert Allowance(12, "after a quiet year", 0).kept_in_a_year == 12


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_passwords_without_a_digit_three_times_in_a_row_are_counted_right(length: int) -> None:
    tripled = tuple(digit * 3 for digit in "0123456789")
    written = ("".join(digits) for digits in product("0123456789", repeat=length))
    assert digit_passwords(length) == sum(not any(three in word for three in tripled) for word in written)


def test_a_password_of_seven_digits_is_guessed_at_the_pages_once_in_a_thousand_years() -> None:
    possible = digit_passwords(7)
    assert possible == 9_542_610
    assert chance_at_a_password(possible) == pytest.approx((2 * most_guesses(YEAR) + 600) / possible)
    assert chance_at_a_password(possible) <= PROMISED
    assert chance_at_a_password(digit_passwords(8)) <= PROMISED / 10


@pytest.mark.parametrize(
    ("bits", "good", "span"),
    [
        pytest.param(40, 1, timedelta(minutes=15), id="a link code"),
        pytest.param(50, 10, YEAR, id="ten recovery codes"),
        pytest.param(60, 1, YEAR, id="an activation code"),
    ],
)
def test_a_code_used_once_is_guessed_once_in_ten_million_at_a_guess_a_minute(
    bits: int, good: int, span: timedelta
) -> None:
    guesses = most_guesses(span, ONE_TIME_CODE.longest_wait)
    assert span / timedelta(minutes=1) <= guesses <= span / timedelta(minutes=1) + 15
    assert chance_at_a_code_used_once(bits, good, span) <= 1 / 10_000_000


@pytest.mark.attack(10)
@pytest.mark.parametrize(("allowance", "seconds"), [(ONE_TIME_CODE, 60), (FORGOTTEN, 300)])
def test_whoever_has_the_right_code_or_forgot_theirs_waits_a_bounded_short_time(
    allowance: Allowance, seconds: int
) -> None:
    waits = [delay_after(failures, allowance.longest_wait) for failures in (4, 5, 8, 50, 1_000_000)]
    assert waits == [timedelta(seconds=wait) for wait in (1, 3, 30, seconds, seconds)]


def _most_by_trying(span: timedelta) -> int:
    """Return the most guesses in ``span``, by the fastest way to each number of guesses, forgotten or not."""
    rounds, waited = [timedelta(0)], timedelta(0)
    longest = 200
    for failures in range(1, longest):
        waited += delay_after(failures)
        rounds.append(waited)
    fresh = [timedelta(0)]
    """By number of guesses: when the count can be forgotten after them, at the earliest."""
    most = 0
    while fresh[-1] < span:
        guesses = len(fresh) - 1
        last = sum(1 for wait in rounds if fresh[-1] + wait < span)
        most = max(most, guesses + last)
        sizes = range(1, min(guesses + 1, longest - 1) + 1)
        fresh.append(min(fresh[guesses + 1 - n] + rounds[n] + FORGOTTEN_AFTER for n in sizes))
    return most


@pytest.mark.parametrize("days", [0.001, 0.1, 1, 3, 9, 15])
def test_no_schedule_of_guesses_and_quiet_days_beats_the_bound(days: float) -> None:
    """A fortnight is long enough for rounds: steady guessing wins over them, and the bound is not far above it."""
    span = timedelta(days=days)
    assert _most_by_trying(span) <= most_guesses(span) <= _most_by_trying(span) + 20


def test_quiet_days_gain_nothing_over_a_year() -> None:
    steady = sum(1 for _ in _moments(YEAR))
    assert steady <= most_guesses(YEAR) <= steady + 2


def _moments(span: timedelta) -> list[timedelta]:
    moments, at = [], timedelta(0)
    while at < span:
        moments.append(at)
        at += delay_after(len(moments))
    return moments
