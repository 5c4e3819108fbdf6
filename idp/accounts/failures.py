"""Counters of failed attempts: durable, exact whatever runs at the same time, judged before anything is compared.

Devices that the account knows have counters of their own, so that nobody's failures elsewhere stop them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, case, delete, false, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.rules.throttle import (
    CODE_ELSEWHERE,
    CODE_ON_KNOWN_DEVICE,
    FORGOTTEN,
    FORGOTTEN_AFTER,
    ONE_TIME_CODE,
    PASSWORD_ELSEWHERE,
    PASSWORD_ON_KNOWN_DEVICE,
    YEAR,
    Allowance,
    delay_after,
)
from idp.storage.schema import failure

Guess = Literal["password", "code", "activation", "recovery", "link", "forgotten"]

_ALLOWANCES: Final[Mapping[tuple[Guess, bool], Allowance]] = {
    ("code", True): CODE_ON_KNOWN_DEVICE,
    ("code", False): CODE_ELSEWHERE,
    ("password", True): PASSWORD_ON_KNOWN_DEVICE,
    ("password", False): PASSWORD_ELSEWHERE,
    ("recovery", True): ONE_TIME_CODE,
    ("recovery", False): ONE_TIME_CODE,
    ("activation", False): ONE_TIME_CODE,
    ("link", False): ONE_TIME_CODE,
    ("forgotten", True): FORGOTTEN,
    ("forgotten", False): FORGOTTEN,
}
"""By kind of guess, and whether the account knows the device; without a line for that, all devices count together."""

_BY_PREFIX: Final = {
    f"{guess}:{'known' if known else 'new'}": allowance for (guess, known), allowance in _ALLOWANCES.items()
}

_BY_IDENTIFIER: Final[Set[Guess]] = frozenset({"password", "forgotten"})
"""What is counted whether an account has the identifier or not; the others count by account."""


@dataclass(frozen=True)
class Counted:
    """An attempt that may be judged: it counts as failed until it is taken back."""

    key: str
    since: datetime
    """Begin of the year in which it counts: nothing is taken back from another."""
    wait_until: datetime
    last: bool
    """Whether it spends the last of the budget: after it nothing more is judged."""

    @property
    def on_known_device(self) -> bool:
        """Whether it counts among those of devices that the account knows."""
        return ":known:" in self.key


@dataclass(frozen=True)
class Refused:
    """An attempt that is neither judged nor counted."""

    wait: timedelta
    stopped: bool = False
    """The budget is spent: before support unlocks the account nothing is judged, or ``wait`` is over, a year long."""


@dataclass(frozen=True)
class State:
    """What a counter holds, for support."""

    guess: Guess
    known: bool
    count: int
    spent: int
    budget: int | None


def counter(guess: Guess, subject: str, *, known: bool = False) -> str:
    """Return the counter's key: the password's by comparable identifier, existing or not; the code's by account.

    ``known``: for devices that the account knows, where they count apart.
    """
    which = "known" if known and (guess, True) in _ALLOWANCES else "new"
    return f"{guess}:{which}:{hashlib.sha256(subject.encode()).hexdigest()}"


def begin(
    connection: Connection, guess: Guess, subject: str, now: datetime, *, known: bool = False
) -> Counted | Refused:
    """Count an attempt as failed before it is judged, so that parallel guesses are each counted.

    Once known devices have spent their budget they count as others.
    """
    begun = _begin(connection, counter(guess, subject, known=known), now)
    if known and isinstance(begun, Refused) and begun.stopped:
        return _begin(connection, counter(guess, subject, known=False), now)
    return begun


def is_spent(connection: Connection, guess: Guess, subject: str, now: datetime, *, known: bool) -> bool:
    """Say whether no attempt is judged any more, with nothing counted."""
    keys = [counter(guess, subject, known=which) for which in {known, False}]
    spent = select(failure.c.key).where(or_(*(and_(failure.c.key == key, _spent(key, now)) for key in keys)))
    return len(connection.execute(spent).all()) == len(keys)


def take_back(connection: Connection, counted: Counted, now: datetime) -> None:
    """Take back the attempt just begun, with its wait: it was no failure."""
    _settle(connection, counted, now, count=_less(failure.c.count))


def reset(connection: Connection, counted: Counted, now: datetime) -> None:
    """Take back the attempt just begun and forget those before it: the right answer was given.

    What was spent stays spent. Where there is no budget the count itself bounds guessing: it is forgotten within the
    year's allowance, and beyond that the attempt alone is taken back.
    """
    allowance = _allowance(counted.key)
    if allowance.budget is not None:
        _settle(connection, counted, now, count=0)
        return
    forgiven = failure.c.forgiven + _less(failure.c.count)
    within = forgiven <= allowance.forgiven
    count = case((within, 0), else_=_less(failure.c.count))
    _settle(
        connection, counted, now, count=count, forgiven=case((within, forgiven), else_=failure.c.forgiven)
    )


def forgive(connection: Connection, failed: Iterable[Counted]) -> None:
    """Take back failures for which whoever made them has now shown a phone, within the year's allowance."""
    for one in sorted(failed, key=lambda one: one.key):
        connection.execute(
            update(failure)
            .where(
                failure.c.key == one.key,
                failure.c.forgiven_since == one.since,
                failure.c.forgiven < _allowance(one.key).forgiven,
                failure.c.spent > 0,
            )
            .values(spent=failure.c.spent - 1, forgiven=failure.c.forgiven + 1, count=_less(failure.c.count))
        )


def of_account(connection: Connection, account_id: str, identifier: str) -> Sequence[State]:
    """Return what the account's counters hold, those that hold something."""
    keys = _keys(account_id, identifier)
    found = connection.execute(select(failure).where(failure.c.key.in_(keys)).order_by(failure.c.key))
    return [
        State(*keys[row["key"]], row["count"], row["spent"], _allowance(row["key"]).budget)
        for row in found.mappings()
        if row["count"] or row["spent"]
    ]


def clear(connection: Connection, account_id: str, identifier: str) -> None:
    """Forget every failure at the account, with what was taken back."""
    connection.execute(delete(failure).where(failure.c.key.in_(_keys(account_id, identifier))))


def forget(connection: Connection, guess: Guess, subject: str) -> None:
    """Forget every failure at one subject: what was guessed at is there no more."""
    keys = [counter(guess, subject, known=known) for known in (True, False)]
    connection.execute(delete(failure).where(failure.c.key.in_(keys)))


def quiet(now: datetime) -> ColumnElement[bool]:
    """Return which rows of ``failure`` no longer decide anything, and may go."""
    return and_(
        failure.c.wait_until <= now - FORGOTTEN_AFTER,
        or_(failure.c.spent == 0, _before(failure.c.spent_at, now)),
        or_(failure.c.forgiven == 0, _before(failure.c.forgiven_since, now)),
    )


def _begin(connection: Connection, key: str, now: datetime) -> Counted | Refused:
    row = connection.execute(_upsert(connection, key, now)).mappings().one_or_none()
    if row is None:
        stopped = _spent(key, now)
        until = case((stopped, _spent_since(key)), else_=failure.c.wait_until)
        refused = connection.execute(
            select(stopped.label("stopped"), until.label("until")).where(failure.c.key == key)
        ).one()
        wait = refused.until + (YEAR if refused.stopped else timedelta(0)) - now
        return Refused(max(wait, timedelta(seconds=1)), bool(refused.stopped))
    wait_until = now + delay_after(row["count"], _allowance(key).longest_wait)
    if wait_until > now:
        connection.execute(update(failure).where(failure.c.key == key).values(wait_until=wait_until))
    return Counted(key, row["forgiven_since"], wait_until, row["spent"] == _allowance(key).budget)


def _upsert(connection: Connection, key: str, now: datetime) -> Any:
    """Return the one statement that counts: no row comes back when the attempt may not be judged."""
    budget = _allowance(key).budget
    first: dict[str, Any] = {"count": 1, "wait_until": now, "forgiven": 0, "forgiven_since": now}
    over = _before(failure.c.forgiven_since, now)
    again: dict[str, Any] = {
        "count": case((failure.c.wait_until <= now - FORGOTTEN_AFTER, 1), else_=failure.c.count + 1),
        "wait_until": now,
        "forgiven": case((over, 0), else_=failure.c.forgiven),
        "forgiven_since": case((over, now), else_=failure.c.forgiven_since),
    }
    if budget is not None:
        first |= {"spent": 1, "spent_at": now}
        again |= {"spent": case((_renewed(key, now), 1), else_=failure.c.spent + 1), "spent_at": now}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return (
        dialect.insert(failure)
        .values(key=key, **first)
        .on_conflict_do_update(
            index_elements=[failure.c.key],
            set_=again,
            where=and_(failure.c.wait_until <= now, ~_spent(key, now)),
        )
        .returning(failure.c.count, failure.c.spent, failure.c.forgiven_since)
    )


def _settle(connection: Connection, counted: Counted, now: datetime, **values: Any) -> None:
    """Take the attempt's own mark back and set ``values``; a row that then holds nothing goes."""
    mine = and_(failure.c.key == counted.key, failure.c.forgiven_since == counted.since)
    # A later attempt's wait stays: only one's own is taken back.
    waited = case((failure.c.wait_until == counted.wait_until, now), else_=failure.c.wait_until)
    connection.execute(
        update(failure).where(mine).values(spent=_less(failure.c.spent), wait_until=waited, **values)
    )
    nothing = and_(failure.c.count == 0, failure.c.spent == 0, failure.c.forgiven == 0)
    connection.execute(delete(failure).where(mine, nothing, failure.c.wait_until <= now))


def _spent(key: str, now: datetime) -> ColumnElement[bool]:
    budget = _allowance(key).budget
    if budget is None:
        return false()
    return and_(failure.c.spent >= budget, ~_renewed(key, now))


def _renewed(key: str, now: datetime) -> ColumnElement[bool]:
    return _before(_spent_since(key), now)


def _spent_since(key: str) -> ColumnElement[datetime | None]:
    return failure.c.forgiven_since if _allowance(key).renewed == "each year" else failure.c.spent_at


def _before(moment: ColumnElement[datetime | None], now: datetime) -> ColumnElement[bool]:
    """Return whether a moment lies at least a year back, or never was."""
    return or_(moment.is_(None), moment <= now - YEAR)


def _less(number: ColumnElement[int]) -> ColumnElement[int]:
    return case((number > 0, number - 1), else_=0)


def _allowance(key: str) -> Allowance:
    return _BY_PREFIX[key.rpartition(":")[0]]


def _keys(account_id: str, identifier: str) -> dict[str, tuple[Guess, bool]]:
    return {
        counter(guess, identifier if guess in _BY_IDENTIFIER else account_id, known=known): (guess, known)
        for guess, known in _ALLOWANCES
    }
