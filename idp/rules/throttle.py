"""How long failures make the next attempt wait, how many may be spent, and the chances of guessing that this leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Literal

YEAR = timedelta(days=366)
"""A year that no calendar year outlasts."""

FREE_FAILURES = 3
FORGOTTEN_AFTER = timedelta(days=2)
"""How long after the last wait, with no further attempt, the count starts anew. Shorter would be worth waiting for."""

_DELAYS = (1, 3, 5, 10, 30, 60, 120, 300, 600, *[900] * 8, 7_200)

SECRETS = 11
"""Phones that a code is compared with: the practitioner's, and those of ten assistants (the setting's maximum)."""

STEPS = 2
"""Time steps of which a code is accepted (RFC 6238 §5.2)."""

CODES = 10**6


LONGEST_WAIT = timedelta(seconds=_DELAYS[-1])


def delay_after(failures: int, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """Return how long the next attempt must wait after ``failures`` failures in a row, at most ``longest``.

    The first three cost nothing, then 1, 3, 5, 10 s and on to a quarter of an hour; from the 21st on two hours.
    """
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=_DELAYS[min(failures - FREE_FAILURES, len(_DELAYS)) - 1]), longest)


@dataclass(frozen=True)
class Allowance:
    """What failures of one kind may cost an account."""

    budget: int | None
    """Failures that may be spent; then nothing is judged any more. ``None``: attempts are slowed, never stopped."""
    renewed: Literal["each year", "after a quiet year"]
    """When the budget is whole again: a year after its first failure, or after a year without any attempt."""
    forgiven: int
    """Failures that right answers may take back in a year, counted from the first failure."""
    longest_wait: timedelta = LONGEST_WAIT
    """However many failures there were, whoever has the right answer waits no longer."""

    @property
    def kept_in_a_year(self) -> int:
        """The most failures, never taken back, in any span of one ``YEAR``. Two of the years counted can touch it."""
        assert self.budget is not None
        return self.budget * (2 if self.renewed == "each year" else 1)

    @property
    def forgiven_in_a_year(self) -> int:
        """The most failures taken back in any span of one ``YEAR``."""
        return self.forgiven * 2


FORGIVEN_AT_ONCE = 3
"""Wrong codes of one sign-in that the right one after them takes back."""

CODE_ON_KNOWN_DEVICE = Allowance(12, "each year", 200)
CODE_ELSEWHERE = Allowance(20, "after a quiet year", 25)
PASSWORD_ON_KNOWN_DEVICE = Allowance(None, "each year", 250)
PASSWORD_ELSEWHERE = Allowance(None, "each year", 50)
ONE_TIME_CODE = Allowance(None, "each year", 1_000, timedelta(minutes=1))
"""Activation, recovery and link codes are used once and hold 40 bits and more: a guess a minute finds none
(``chance_at_a_code_used_once``), and a longer wait would only stop whoever has the right one."""
FORGOTTEN = Allowance(None, "each year", 0, timedelta(minutes=5))
"""Requests by whoever forgot something; none is a guess. What is dropped follows one noted within five minutes, which
is answered to the same contacts unless enough links live; and who hammers sends a dozen mails an hour, no more."""


def chance_of_a_stranger() -> float:
    """Return the chance of guessing *anybody's* code at an account in a year, knowing the password.

    Of somebody without a phone there: a stranger, a former assistant, the thief of a known device. Nothing of theirs is
    ever taken back. An ambiguous code is not counted: it takes one guess that fits two phones (about 1 in 5 billion),
    lets nobody in and spends what it fitted.
    """
    guesses = CODE_ON_KNOWN_DEVICE.kept_in_a_year + CODE_ELSEWHERE.kept_in_a_year
    return guesses * SECRETS * STEPS / CODES


def chance_of_an_assistant() -> float:
    """Return the chance of guessing the *practitioner's* code in a year, for an assistant who wastes what is forgiven.

    Their own right code takes back what they guessed before it in the same sign-in, within the year's allowance.
    """
    guesses = sum(
        allowance.kept_in_a_year + allowance.forgiven_in_a_year
        for allowance in (CODE_ON_KNOWN_DEVICE, CODE_ELSEWHERE)
    )
    return guesses * STEPS / CODES


def chance_at_a_password(possible: int) -> float:
    """Return the chance of guessing one person's password, drawn evenly from ``possible``, at the pages in a year.

    By the best use of the waits, of the days that forget them, of a known device besides, and of every right answer
    of others that takes failures back.
    """
    guesses = sum(
        most_guesses(YEAR) + allowance.forgiven_in_a_year
        for allowance in (PASSWORD_ON_KNOWN_DEVICE, PASSWORD_ELSEWHERE)
    )
    return guesses / possible


def chance_at_a_code_used_once(bits: int, good: int, span: timedelta) -> float:
    """Return the chance of guessing, in ``span``, one of ``good`` codes of ``bits`` random bits that stay unused.

    By guesses at recovery on both sorts of devices and at activation besides, with all that is ever forgiven.
    """
    guesses = 3 * (most_guesses(span, ONE_TIME_CODE.longest_wait) + ONE_TIME_CODE.forgiven_in_a_year)
    return guesses * good / (1 << bits)


def most_guesses(span: timedelta, longest: timedelta = LONGEST_WAIT) -> int:
    """Return the most failures that the waits let through in ``span`` without a right answer, whatever the schedule.

    A schedule is rounds that end with :data:`FORGOTTEN_AFTER`, and one that does not. No round of ``n`` failures is
    faster than ``pace`` (failures a second), and the last gains at most ``start`` failures on it.
    """
    waited = [timedelta(0)]
    """By number of failures: since the first of them, until the next may follow."""
    for failures in range(1, FREE_FAILURES + len(_DELAYS) + 1):
        waited.append(waited[-1] + delay_after(failures, longest))
    rounds = [n / (wait + FORGOTTEN_AFTER).total_seconds() for n, wait in enumerate(waited) if n]
    pace = max(*rounds, 1 / delay_after(len(waited), longest).total_seconds())
    start = max(n - pace * waited[n - 1].total_seconds() for n in range(1, len(waited)))
    return floor(pace * span.total_seconds() + start)


def digit_passwords(length: int) -> int:
    """Return how many passwords of ``length`` digits have no digit three times in a row (the funds' rule)."""
    doubled, single = 0, 10
    """By whether the last two digits are the same."""
    for _ in range(length - 1):
        doubled, single = single, 9 * (single + doubled)
    return doubled + single
