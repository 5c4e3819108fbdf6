"""Counters of failed attempts: exact whatever runs at the same time, spent, renewed and forgiven as promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import delete, func, select

from idp.accounts import failures
from idp.accounts.failures import Counted, Guess, Refused
from idp.rules.throttle import CODE_ELSEWHERE, CODE_ON_KNOWN_DEVICE, FORGOTTEN_AFTER, PASSWORD_ELSEWHERE, YEAR
from idp.storage.database import Database
from idp.storage.schema import failure
from tests.clock import MovableClock
from tests.storage.racing import race

SOMEBODY = "somebody"
KINDS: tuple[Guess, ...] = get_args(Guess)
KNOWN, NEW = CODE_ON_KNOWN_DEVICE.budget or 0, CODE_ELSEWHERE.budget or 0


def begin(
    database: Database,
    clock: MovableClock,
    guess: Guess = "code",
    subject: str = SOMEBODY,
    *,
    known: bool = False,
) -> Counted | Refused:
    with database.write() as connection:
        return failures.begin(connection, guess, subject, clock.now(), known=known)


def begun(
    database: Database,
    clock: MovableClock,
    guess: Guess = "code",
    subject: str = SOMEBODY,
    *,
    known: bool = False,
) -> Counted:
    """Begin as soon as it may be."""
    answer = begin(database, clock, guess, subject, known=known)
    if isinstance(answer, Refused) and not answer.stopped:
        clock.advance(seconds=answer.wait.total_seconds())
        answer = begin(database, clock, guess, subject, known=known)
    assert isinstance(answer, Counted), answer
    return answer


def row(database: Database, guess: Guess = "code", subject: str = SOMEBODY, *, known: bool = False) -> Any:
    """Return count, spent and forgiven of a counter, or ``None``."""
    with database.read() as connection:
        key = failures.counter(guess, subject, known=known)
        found = connection.execute(
            select(failure.c.count, failure.c.spent, failure.c.forgiven).where(failure.c.key == key)
        ).one_or_none()
    return None if found is None else tuple(found)


def test_the_first_three_cost_nothing_and_the_fourth_makes_wait(
    database: Database, clock: MovableClock
) -> None:
    assert all(isinstance(begin(database, clock), Counted) for _ in range(4))
    assert begin(database, clock) == Refused(timedelta(seconds=1))
    assert row(database) == (4, 4, 0)
    clock.advance(seconds=1)
    assert isinstance(begin(database, clock), Counted)
    assert begin(database, clock) == Refused(timedelta(seconds=3))


def test_an_attempt_too_soon_is_not_counted(database: Database, clock: MovableClock) -> None:
    for _ in range(4):
        begin(database, clock)
    for _ in range(5):
        assert isinstance(begin(database, clock), Refused)
    assert row(database) == (4, 4, 0)


@pytest.mark.attack(5)
@pytest.mark.parametrize("guess", ["password", "code"])
def test_of_a_hundred_parallel_attempts_each_one_that_may_be_judged_is_counted(
    database: Database, clock: MovableClock, guess: Guess
) -> None:
    answers = race(100, lambda number: begin(database, clock, guess, known=number % 2 == 0))
    judged = [answer for answer in answers if isinstance(answer, Counted)]
    assert len(judged) == 8
    for known in (True, False):
        assert row(database, guess, known=known)[0] == 4
        assert sum(one.on_known_device == known for one in judged) == 4


@pytest.mark.attack(5)
def test_the_last_of_the_budget_goes_to_one_of_many_at_once(database: Database, clock: MovableClock) -> None:
    for _ in range(NEW - 1):
        begun(database, clock)
    clock.advance(seconds=7_200)
    answers = race(20, lambda _number: begin(database, clock))
    assert [answer.last for answer in answers if isinstance(answer, Counted)] == [True]
    assert row(database)[1] == NEW


@pytest.mark.attack(5)
@pytest.mark.parametrize("guess", ["password", "code"])
def test_right_and_wrong_answers_in_parallel_lose_no_count(
    database: Database, clock: MovableClock, guess: Guess
) -> None:
    wrong: list[Counted] = []

    def attempt(number: int) -> None:
        answer = begin(database, clock, guess)
        if isinstance(answer, Refused):
            return
        if number % 3:
            wrong.append(answer)
            return
        with database.write() as connection:
            failures.reset(connection, answer, clock.now())

    race(30, attempt)
    counted = row(database, guess) or (0, 0, 0)
    assert counted[1] == (len(wrong) if guess == "code" else 0)


@pytest.mark.attack(8)
def test_the_count_stays_when_what_follows_is_rolled_back(database: Database, clock: MovableClock) -> None:
    counted = begun(database, clock)

    def broken() -> None:
        with database.write() as connection:
            failures.reset(connection, counted, clock.now())
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        broken()
    assert row(database) == (1, 1, 0)


@pytest.mark.parametrize("guess", ["password", "code"])
def test_a_right_answer_leaves_nothing_behind(database: Database, clock: MovableClock, guess: Guess) -> None:
    counted = begun(database, clock, guess)
    with database.write() as connection:
        failures.reset(connection, counted, clock.now())
        assert connection.execute(select(func.count()).select_from(failure)).scalar_one() == 0


def test_a_right_answer_ends_the_row_of_failures_and_gives_nothing_spent_back(
    database: Database, clock: MovableClock
) -> None:
    for _ in range(5):
        begun(database, clock)
    right = begun(database, clock)
    with database.write() as connection:
        failures.reset(connection, right, clock.now())
    assert row(database) == (0, 5, 0)
    assert all(isinstance(begin(database, clock), Counted) for _ in range(4))


def test_a_right_answer_forgets_one_subject_and_one_class_of_devices_only(
    database: Database, clock: MovableClock
) -> None:
    for subject in (SOMEBODY, "somebody else"):
        for known in (True, False):
            begun(database, clock, "password", subject, known=known)
    right = begun(database, clock, "password", known=True)
    with database.write() as connection:
        failures.reset(connection, right, clock.now())
    left = [
        row(database, "password", subject, known=known)[0]
        for subject in (SOMEBODY, "somebody else")
        for known in (True, False)
    ]
    assert left == [0, 1, 1, 1]


def test_taking_back_takes_one_attempt_and_its_wait(database: Database, clock: MovableClock) -> None:
    answers = [begun(database, clock) for _ in range(4)]
    with database.write() as connection:
        failures.take_back(connection, answers[-1], clock.now())
    assert row(database) == (3, 3, 0)
    assert isinstance(begin(database, clock), Counted)


def test_taking_back_leaves_the_wait_of_an_attempt_that_came_after(
    database: Database, clock: MovableClock
) -> None:
    earlier, *_later = [begun(database, clock) for _ in range(4)]
    with database.write() as connection:
        failures.take_back(connection, earlier, clock.now())
    assert begin(database, clock) == Refused(timedelta(seconds=1))


def test_taking_back_what_is_counted_no_more_changes_nothing(database: Database, clock: MovableClock) -> None:
    counted = begun(database, clock)
    with database.write() as connection:
        connection.execute(delete(failure))
        failures.take_back(connection, counted, clock.now())
        failures.reset(connection, counted, clock.now())
        failures.forgive(connection, [counted])
        assert connection.execute(select(func.count()).select_from(failure)).scalar_one() == 0


@pytest.mark.parametrize("guess", ["password", "code"])
def test_after_quiet_days_the_count_starts_anew_and_grows_again(
    database: Database, clock: MovableClock, guess: Guess
) -> None:
    for _ in range(2):
        begun(database, clock, guess)
    clock.advance(seconds=FORGOTTEN_AFTER.total_seconds() - 1)
    begun(database, clock, guess)
    assert row(database, guess)[0] == 3
    clock.advance(seconds=FORGOTTEN_AFTER.total_seconds())
    for count in (1, 2, 3, 4):
        begun(database, clock, guess)
        assert row(database, guess)[0] == count
    assert isinstance(begin(database, clock, guess), Refused)


@pytest.mark.attack(4)
def test_new_devices_are_stopped_for_good_and_told_from_waiting(
    database: Database, clock: MovableClock
) -> None:
    answers = [begun(database, clock) for _ in range(NEW)]
    assert [answer.last for answer in answers] == [False] * (NEW - 1) + [True]
    assert begin(database, clock) == Refused(YEAR, stopped=True)
    spent_at = clock.now()
    for days in (1, 30, 200, 365):
        clock.set(spent_at + timedelta(days=days))
        refused = begin(database, clock)
        assert refused == Refused(YEAR - timedelta(days=days), stopped=True)
    with database.read() as connection:
        assert failures.is_spent(connection, "code", SOMEBODY, clock.now(), known=False)
        assert not failures.is_spent(connection, "code", SOMEBODY, clock.now(), known=True)
    clock.set(spent_at + YEAR)
    with database.read() as connection:
        assert not failures.is_spent(connection, "code", SOMEBODY, clock.now(), known=False)
    begun(database, clock)
    assert row(database) == (1, 1, 0)


def test_one_try_in_a_quiet_year_keeps_the_budget_of_new_devices_spent(
    database: Database, clock: MovableClock
) -> None:
    for _ in range(NEW - 1):
        begun(database, clock)
    clock.advance(seconds=YEAR.total_seconds() - 1)
    assert begun(database, clock).last
    clock.advance(seconds=YEAR.total_seconds() - 1)
    assert isinstance(begin(database, clock), Refused)


@pytest.mark.attack(10)
def test_known_devices_go_on_whatever_is_spent_elsewhere(database: Database, clock: MovableClock) -> None:
    for _ in range(NEW):
        begun(database, clock)
    assert isinstance(begin(database, clock), Refused)
    assert begun(database, clock, known=True).on_known_device


def test_known_devices_that_have_spent_theirs_count_as_new_ones(
    database: Database, clock: MovableClock
) -> None:
    first = clock.now()
    for place in range(KNOWN):
        counted = begun(database, clock, known=True)
        assert (counted.on_known_device, counted.last) == (True, place == KNOWN - 1)
    assert not begun(database, clock, known=True).on_known_device
    assert row(database) == (1, 1, 0)
    for _ in range(NEW - 1):
        begun(database, clock, known=True)
    refused = begin(database, clock, known=True)
    assert isinstance(refused, Refused)
    assert refused.stopped
    with database.read() as connection:
        assert failures.is_spent(connection, "code", SOMEBODY, clock.now(), known=True)
    clock.set(first + YEAR)
    assert begun(database, clock, known=True).on_known_device


def test_passwords_are_slowed_and_never_stopped(database: Database, clock: MovableClock) -> None:
    for _ in range(60):
        begun(database, clock, "password")
    refused = begin(database, clock, "password")
    assert refused == Refused(timedelta(hours=2))


@pytest.mark.attack(10)
@pytest.mark.parametrize(
    ("guess", "seconds"), [("activation", 60), ("recovery", 60), ("link", 60), ("forgotten", 300)]
)
def test_whoever_hammers_makes_the_right_code_wait_a_minute_and_a_request_five(
    database: Database, clock: MovableClock, guess: Guess, seconds: int
) -> None:
    for _ in range(60):
        begun(database, clock, guess)
    assert begin(database, clock, guess) == Refused(timedelta(seconds=seconds))


def test_a_failure_is_forgiven_once_and_within_the_years_allowance(
    database: Database, clock: MovableClock
) -> None:
    allowed = CODE_ELSEWHERE.forgiven
    for turn in range(allowed + 2):
        failed = begun(database, clock)
        with database.write() as connection:
            failures.forgive(connection, [failed])
        beyond = max(0, turn + 1 - allowed)
        assert row(database) == (beyond, beyond, min(turn + 1, allowed))
    clock.advance(seconds=YEAR.total_seconds())
    again = begun(database, clock)
    with database.write() as connection:
        failures.forgive(connection, [again])
    assert row(database) == (0, 0, 1)


@pytest.mark.attack(5)
def test_forgiving_in_parallel_never_passes_what_was_spent(database: Database, clock: MovableClock) -> None:
    failed = [begun(database, clock) for _ in range(3)]

    def forgive(_number: int) -> None:
        with database.write() as connection:
            failures.forgive(connection, failed)

    race(10, forgive)
    assert row(database) == (0, 0, 3)


def test_nothing_is_taken_back_from_another_year(database: Database, clock: MovableClock) -> None:
    failed, right = begun(database, clock, known=True), begun(database, clock, known=True)
    clock.advance(seconds=YEAR.total_seconds())
    begun(database, clock, known=True)
    with database.write() as connection:
        failures.forgive(connection, [failed])
        failures.take_back(connection, right, clock.now())
    assert row(database, known=True) == (1, 1, 0)


def test_right_passwords_forget_failures_within_the_years_allowance_only(
    database: Database, clock: MovableClock
) -> None:
    forgiven = 0
    while forgiven + 10 <= PASSWORD_ELSEWHERE.forgiven:
        for _ in range(10):
            begun(database, clock, "password")
        right = begun(database, clock, "password")
        with database.write() as connection:
            failures.reset(connection, right, clock.now())
        forgiven += 10
        assert row(database, "password") == (0, 0, forgiven)
    for _ in range(10):
        begun(database, clock, "password")
    right = begun(database, clock, "password")
    with database.write() as connection:
        failures.reset(connection, right, clock.now())
    assert row(database, "password") == (10, 0, forgiven)


def test_what_still_decides_something_is_not_cleared_away(database: Database, clock: MovableClock) -> None:
    begun(database, clock, "password", "slowed")
    forgiven = begun(database, clock, "code", "forgiven")
    begun(database, clock, "code", "spent")
    with database.write() as connection:
        failures.forgive(connection, [forgiven])

    def quiet() -> int:
        with database.write() as connection:
            return connection.execute(delete(failure).where(failures.quiet(clock.now()))).rowcount

    assert quiet() == 0
    clock.advance(seconds=FORGOTTEN_AFTER.total_seconds())
    assert quiet() == 1
    assert (row(database, "code", "forgiven"), row(database, "code", "spent")) == ((0, 0, 1), (1, 1, 0))
    clock.advance(seconds=(YEAR - FORGOTTEN_AFTER).total_seconds())
    assert quiet() == 2


def test_clearing_forgets_one_account_whatever_was_guessed(database: Database, clock: MovableClock) -> None:
    for account_id, identifier in ((SOMEBODY, "408461"), ("somebody else", "408462")):
        for known in (True, False):
            begun(database, clock, "password", identifier, known=known)
            begun(database, clock, "code", account_id, known=known)
        for guess in KINDS[2:]:
            begun(database, clock, guess, identifier if guess == "forgotten" else account_id)
        begun(database, clock, "forgotten", identifier, known=True)
    with database.write() as connection:
        held = failures.of_account(connection, SOMEBODY, "408461")
        failures.clear(connection, SOMEBODY, "408461")
        assert failures.of_account(connection, SOMEBODY, "408461") == []
        assert failures.of_account(connection, "somebody else", "408462") == held
    assert {(state.guess, state.known, state.count) for state in held} == {
        ("password", True, 1), ("password", False, 1), ("code", True, 1), ("code", False, 1),
        ("activation", False, 1), ("recovery", False, 1), ("link", False, 1), ("forgotten", False, 1),
        ("forgotten", True, 1),
    }  # fmt: skip


def test_kinds_and_devices_count_apart_and_the_subject_is_not_readable() -> None:
    keys = {
        guess: [failures.counter(guess, "408461", known=known) for known in (True, False)] for guess in KINDS
    }
    assert sum(len(set(both)) for both in keys.values()) == len(
        {key for both in keys.values() for key in both}
    )
    assert {guess for guess, both in keys.items() if len(set(both)) == 2} == {
        "password", "code", "recovery", "forgotten",
    }  # fmt: skip
    assert "408461" not in str(keys)
    assert all(len(key) <= 80 for both in keys.values() for key in both)


@pytest.mark.parametrize("guess", KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_every_kind_counts_on_every_device(
    database: Database, clock: MovableClock, guess: Guess, known: bool
) -> None:
    counted = begun(database, clock, guess, known=known)
    with database.write() as connection:
        failures.reset(connection, counted, clock.now())
    assert row(database, guess, known=known) is None
