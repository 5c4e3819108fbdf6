"""Counters of failed attempts: exact whatever runs at the same time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idp.accounts import failures
from idp.storage.database import Database
from idp.storage.schema import failure
from tests.clock import MovableClock
from tests.storage.racing import race

KEY = failures.counter("code", "somebody")


def _begin(database: Database, clock: MovableClock, key: str = KEY) -> timedelta | None:
    with database.write() as connection:
        return failures.begin(connection, key, clock.now())


def _count(database: Database, key: str = KEY) -> int | None:
    with database.read() as connection:
        return connection.execute(select(failure.c.count).where(failure.c.key == key)).scalar_one_or_none()


def test_the_first_three_cost_nothing_and_the_fourth_makes_wait(
    database: Database, clock: MovableClock
) -> None:
    assert [_begin(database, clock) for _ in range(4)] == [None] * 4
    assert _begin(database, clock) == timedelta(seconds=1)
    assert _count(database) == 4
    clock.advance(seconds=1)
    assert _begin(database, clock) is None
    assert _begin(database, clock) == timedelta(seconds=3)


def test_an_attempt_too_soon_is_not_counted(database: Database, clock: MovableClock) -> None:
    for _ in range(4):
        _begin(database, clock)
    for _ in range(5):
        assert _begin(database, clock) is not None
    assert _count(database) == 4


@pytest.mark.attack(5)
def test_of_parallel_attempts_each_one_that_may_be_judged_is_counted(
    database: Database, clock: MovableClock
) -> None:
    answers = race(40, lambda _number: _begin(database, clock))
    assert answers.count(None) == _count(database) == 4


@pytest.mark.attack(5)
def test_right_and_wrong_answers_in_parallel_never_break(database: Database, clock: MovableClock) -> None:
    def attempt(number: int) -> None:
        if _begin(database, clock) is None and number % 3 == 0:
            with database.write() as connection:
                failures.reset(connection, KEY)

    race(30, attempt)


@pytest.mark.attack(8)
def test_the_count_stays_when_what_follows_is_rolled_back(database: Database, clock: MovableClock) -> None:
    _begin(database, clock)

    def broken() -> None:
        with database.write() as connection:
            failures.reset(connection, KEY)
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        broken()
    assert _count(database) == 1


def test_reset_forgets_one_subject_only(database: Database, clock: MovableClock) -> None:
    other = failures.counter("code", "somebody else")
    for key in (KEY, KEY, other):
        _begin(database, clock, key)
    with database.write() as connection:
        failures.reset(connection, KEY)
    assert (_count(database), _count(database, other)) == (None, 1)


def test_forgiving_takes_one_attempt_and_its_wait_back(database: Database, clock: MovableClock) -> None:
    for _ in range(4):
        _begin(database, clock)
    with database.write() as connection:
        failures.forgive(connection, KEY, clock.now())
    assert _count(database) == 3
    assert _begin(database, clock) is None


def test_forgiving_what_was_never_counted_changes_nothing(database: Database, clock: MovableClock) -> None:
    with database.write() as connection:
        failures.forgive(connection, KEY, clock.now())
        assert connection.execute(select(func.count()).select_from(failure)).scalar_one() == 0


def test_passwords_and_codes_count_apart_and_the_subject_is_not_readable() -> None:
    password, code = failures.counter("password", "408461"), failures.counter("code", "408461")
    assert password != code
    assert "408461" not in password + code
    assert len(password) <= 80
