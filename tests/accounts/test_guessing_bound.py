"""The guessing bounds of ``rules.throttle``, driven on the real counters: years of attacks by a moved clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from idp.accounts import failures
from idp.accounts.failures import Counted, Refused
from idp.rules.throttle import (
    CODE_ELSEWHERE,
    CODE_ON_KNOWN_DEVICE,
    FORGIVEN_AT_ONCE,
    FORGOTTEN_AFTER,
    YEAR,
    most_guesses,
)
from idp.storage.database import Database
from tests.clock import MovableClock

SPENT_IN_A_YEAR = CODE_ON_KNOWN_DEVICE.kept_in_a_year + CODE_ELSEWHERE.kept_in_a_year
FORGIVEN_IN_A_YEAR = CODE_ON_KNOWN_DEVICE.forgiven_in_a_year + CODE_ELSEWHERE.forgiven_in_a_year


class Attacker:
    """Guesses as soon as a guess is judged, and notes when."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database = database
        self.clock = clock
        self.judged: list[datetime] = []

    def begin(self, guess: failures.Guess, *, known: bool) -> Counted | Refused:
        """Begin one attempt, after the wait if there is one."""
        for _ in range(2):
            with self.database.write() as connection:
                answer = failures.begin(connection, guess, "the account", self.clock.now(), known=known)
            if isinstance(answer, Counted) or answer.stopped:
                break
            self.clock.advance(seconds=answer.wait.total_seconds())
        return answer

    def guess(self, *, known: bool, guess: failures.Guess = "code", most: int = 1_000) -> list[Counted]:
        """Guess until the budget is spent, or ``most`` guesses are made."""
        made: list[Counted] = []
        while len(made) < most and isinstance(answer := self.begin(guess, known=known), Counted):
            made.append(answer)
            self.judged.append(self.clock.now())
            if answer.last:
                break
        return made

    def enters(self, failed: Sequence[Counted], *, known: bool) -> bool:
        """Show one's own right code, as an assistant does after guessing at the doctor's."""
        answer = self.begin("code", known=known)
        if isinstance(answer, Refused):
            return False
        with self.database.write() as connection:
            failures.take_back(connection, answer, self.clock.now())
        with self.database.write() as connection:
            failures.forgive(connection, failed)
        return True

    def most_in_a_year(self) -> int:
        """Return the most guesses judged in any span of a year, wherever it begins."""
        return max(bisect_left(self.judged, begin + YEAR) - place for place, begin in enumerate(self.judged))


@pytest.fixture
def attacker(database: Database, clock: MovableClock) -> Attacker:
    return Attacker(database, clock)


@pytest.mark.attack(4)
@pytest.mark.attack(58)
def test_a_stranger_with_a_known_device_besides_never_passes_the_bound(attacker: Attacker) -> None:
    """One guess begins the first year, the others wait for its end, and those of the second follow at once."""
    begin = attacker.clock.now()
    attacker.guess(known=True, most=1)
    attacker.clock.set(begin + YEAR - timedelta(days=1))
    attacker.guess(known=True)
    attacker.clock.set(begin + YEAR)
    attacker.guess(known=True)
    attacker.guess(known=False)
    for known in (True, False):
        refused = attacker.begin("code", known=known)
        assert isinstance(refused, Refused)
        assert refused.stopped
    assert attacker.most_in_a_year() == SPENT_IN_A_YEAR - 1


@pytest.mark.attack(4)
@pytest.mark.parametrize("patience", [timedelta(minutes=10), timedelta(days=40), YEAR])
def test_a_stranger_who_comes_again_and_again_never_passes_the_bound(
    attacker: Attacker, patience: timedelta
) -> None:
    end = attacker.clock.now() + 4 * YEAR
    visits = 0
    while attacker.clock.now() < end and visits < 200:
        attacker.guess(known=visits % 2 == 0, most=7)
        attacker.clock.advance(seconds=patience.total_seconds())
        visits += 1
    assert 0 < attacker.most_in_a_year() <= SPENT_IN_A_YEAR


@pytest.mark.attack(58)
def test_an_assistant_who_guesses_and_then_enters_never_passes_the_bound(attacker: Attacker) -> None:
    """They waste the allowance at the end of the first year and again as the second begins, then stop caring."""
    begin = attacker.clock.now()
    for known in (True, False):
        attacker.enters(attacker.guess(known=known, most=1), known=known)
    attacker.clock.set(begin + YEAR - timedelta(days=2))
    for known in (True, False):
        _waste(attacker, known=known)
    attacker.guess(known=True)
    attacker.clock.set(begin + YEAR + timedelta(days=1))
    for known in (True, False):
        _waste(attacker, known=known)
    for known in (True, False):
        attacker.guess(known=known)
    bound = SPENT_IN_A_YEAR + FORGIVEN_IN_A_YEAR
    assert bound * 0.95 <= attacker.most_in_a_year() <= bound


def _waste(attacker: Attacker, *, known: bool) -> None:
    """Guess and enter until it does not help any more."""
    allowance = CODE_ON_KNOWN_DEVICE if known else CODE_ELSEWHERE
    for _ in range(allowance.forgiven // FORGIVEN_AT_ONCE):
        failed = attacker.guess(known=known, most=FORGIVEN_AT_ONCE)
        assert attacker.enters(failed, known=known)


def test_no_known_device_is_stopped_by_people_who_mistype_and_then_enter(attacker: Attacker) -> None:
    """Two years of a wrong code every fourth day, of which one in ten is given up: more than one year's budget."""
    begin = attacker.clock.now()
    for day in range(2 * 366):
        attacker.clock.set(begin + timedelta(days=day))
        if day % 4 == 0:
            failed = attacker.guess(known=True, most=1)
            if day % 40:
                assert attacker.enters(failed, known=True)
    with attacker.database.read() as connection:
        held = failures.of_account(connection, "the account", "")
    assert [state.known for state in held] == [True]


@pytest.mark.parametrize("most", [20, 1_000])
def test_no_schedule_guesses_more_passwords_than_the_bound_says(attacker: Attacker, most: int) -> None:
    """Round after round of what is quick and then two quiet days, or without a pause."""
    begin = attacker.clock.now()
    span = timedelta(days=30)
    while attacker.clock.now() < begin + span:
        pace = min(most, most_guesses(begin + span - attacker.clock.now()))
        attacker.guess(known=False, guess="password", most=pace)
        attacker.clock.advance(seconds=(FORGOTTEN_AFTER + timedelta(hours=2)).total_seconds())
    in_time = [moment for moment in attacker.judged if moment < begin + span]
    assert len(in_time) <= most_guesses(span)
    assert most == 20 or len(in_time) >= most_guesses(span) - 20
