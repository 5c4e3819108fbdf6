"""Assistants of an account: at most so many at a time, history kept, nothing revived."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from idp.accounts import delegations, directory
from idp.accounts.delegations import TooManyAssistants
from idp.accounts.grants import Grant, live_party, take
from idp.accounts.party import party
from idp.rules.assurance import Proof
from idp.rules.delegation import window_of_days
from idp.storage.schema import delegation, person
from tests.accounts.conftest import Practice
from tests.storage.racing import race

OVER = window_of_days(date(2025, 12, 3), date(2026, 1, 14))
LATER = window_of_days(date(2026, 6, 1), None)


def _grant(practice: Practice, name: str, delegation_id: str | None) -> Grant:
    now = practice.clock.now()
    grant = Grant(
        name, "portal", practice.account_id, delegation_id, "sid", "openid",
        (Proof("pwd", 1), Proof("otp", 2)), 0, now, now + timedelta(days=30),
    )  # fmt: skip
    with practice.database.write() as connection:
        assert take(connection, grant)
    return grant


def _lives(practice: Practice, grant: Grant) -> bool:
    with practice.database.read() as connection:
        return live_party(connection, grant.id, practice.clock.now()) is not None


def _set_end(practice: Practice, delegation_id: str, end: datetime | None, limit: int = 10) -> bool:
    with practice.database.write() as connection:
        return delegations.set_end(
            connection, practice.account_id, delegation_id, end, limit, practice.clock.now()
        )


def _remove(practice: Practice, delegation_id: str, account_id: str | None = None) -> bool:
    with practice.database.write() as connection:
        return delegations.remove(
            connection, account_id or practice.account_id, delegation_id, practice.sub, practice.clock.now()
        )


def _added(practice: Practice, limit: int) -> bool:
    try:
        practice.assistant(limit=limit)
    except TooManyAssistants:
        return False
    return True


@pytest.mark.attack(57)
def test_twenty_added_in_parallel_stop_at_the_cap(practice: Practice) -> None:
    assert race(20, lambda _number: _added(practice, 10)).count(True) == 10
    with practice.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(delegation)).scalar_one() == 10


@pytest.mark.attack(57)
def test_adding_and_prolonging_in_parallel_stop_at_the_cap(practice: Practice) -> None:
    over = [practice.assistant(window=OVER) for _ in range(6)]

    def act(number: int) -> bool:
        if number >= len(over):
            return _added(practice, 3)
        try:
            return _set_end(practice, over[number], None, 3)
        except TooManyAssistants:
            return False

    assert race(12, act).count(True) == 3


@pytest.mark.attack(57)
def test_those_who_are_over_or_removed_take_no_place_and_those_to_come_do(practice: Practice) -> None:
    practice.assistant(window=OVER, limit=1)
    _remove(practice, practice.assistant(limit=1))
    practice.assistant(window=LATER, limit=1)
    assert not _added(practice, 1)
    assert not _added(practice, 0)


def test_changing_the_end_of_one_who_has_a_place_is_possible_at_the_cap(practice: Practice) -> None:
    one = practice.assistant(limit=1)
    for end in (datetime(2026, 2, 1, tzinfo=UTC), None):
        assert _set_end(practice, one, end, 1)


def test_removing_keeps_the_row_once_and_says_by_whom(practice: Practice) -> None:
    one = practice.assistant()
    assert _remove(practice, one)
    practice.clock.advance(seconds=60)
    assert not _remove(practice, one)
    assert not _set_end(practice, one, None)
    with practice.database.read() as connection:
        row = connection.execute(select(delegation)).one()
        [listed] = delegations.of_account(connection, practice.account_id)
        assert delegations.assistant_of(connection, one) == row.person_id
    assert row.removed_by == practice.sub
    assert listed.removed_at == row.removed_at == practice.clock.now() - timedelta(seconds=60)


@pytest.mark.attack(56)
def test_another_account_changes_and_removes_nothing(practice: Practice) -> None:
    with practice.database.write() as connection:
        now = practice.clock.now()
        sub = directory.add_person(connection, "PETIT Anne", now)
        other = directory.add_account(connection, sub, "408463", "health_professional", "x", now)
    one = practice.assistant()
    with practice.database.write() as connection:
        assert not delegations.set_end(connection, other, one, None, 10, now)
    assert not _remove(practice, one, other)
    with practice.database.read() as connection:
        assert party(connection, other, one, now) is None
        assert party(connection, practice.account_id, one, now) is not None


def _removed(practice: Practice, one: str) -> None:
    _remove(practice, one)


def _ended(practice: Practice, one: str) -> None:
    _set_end(practice, one, practice.clock.now())


def _disabled(practice: Practice, one: str) -> None:
    del one
    with practice.database.write() as connection:
        directory.set_disabled(connection, practice.account_id, practice.clock.now())


@pytest.mark.parametrize("end", [_removed, _ended, _disabled])
def test_what_was_granted_ends_for_good(practice: Practice, end: Callable[[Practice, str], None]) -> None:
    one, other = practice.assistant(), practice.assistant("VOLFONI Raoul")
    mine, others, doctors = (
        _grant(practice, name, who) for name, who in (("a", one), ("b", other), ("c", None))
    )
    end(practice, one)
    assert not _lives(practice, mine)
    assert _lives(practice, others) is _lives(practice, doctors) is (end is not _disabled)
    _set_end(practice, one, None)
    with practice.database.write() as connection:
        directory.set_disabled(connection, practice.account_id, None)
    assert not _lives(practice, mine)


@pytest.mark.attack(51)
def test_more_time_after_the_last_day_revives_no_grant_and_before_it_ends_none(practice: Practice) -> None:
    one = practice.assistant(window=window_of_days(date(2025, 12, 3), date(2026, 1, 15)))
    grant = _grant(practice, "a", one)
    assert _set_end(practice, one, datetime(2026, 1, 16, 23, tzinfo=UTC))
    assert _lives(practice, grant)
    practice.clock.set(datetime(2026, 1, 16, 23, tzinfo=UTC))
    assert not _lives(practice, grant)
    assert _set_end(practice, one, None)
    assert not _lives(practice, grant)


def test_the_list_shows_the_newest_first_with_names_and_last_use(practice: Practice) -> None:
    first = practice.assistant("A")
    practice.clock.advance(seconds=1)
    practice.assistant("B")
    with practice.database.write() as connection:
        delegations.used(connection, first, "x" * 200, practice.clock.now())
        listed = delegations.of_account(connection, practice.account_id)
    assert [one.name for one in listed] == ["B", "A"]
    assert (listed[1].last_used_at, listed[1].last_used_for) == (practice.clock.now(), "x" * 120)


@pytest.mark.attack(59)
def test_every_assistant_is_a_person_of_their_own_and_ids_are_random(practice: Practice) -> None:
    ids = {practice.assistant("NAUDIN Fernand") for _ in range(3)}
    with practice.database.read() as connection:
        people = set(connection.execute(select(person.c.id)).scalars())
    assert len(ids) == 3
    assert len(people) == 4
    assert all(len(one) == 32 for one in ids | people)


def test_the_party_is_the_holder_or_their_assistant_as_they_stand_now(practice: Practice) -> None:
    over = practice.assistant(window=OVER)
    present = practice.assistant()
    with practice.database.read() as connection:
        now = practice.clock.now()
        holder = party(connection, practice.account_id, None, now)
        acting = party(connection, practice.account_id, present, now)
        assert party(connection, practice.account_id, over, now) is None
        assert party(connection, practice.account_id, "none", now) is None
        assert party(connection, "none", None, now) is None
    assert holder is not None
    assert acting is not None
    assert acting.actor is not None
    assert (holder.actor, holder.account.sub, holder.account.activated) == (None, practice.sub, False)
    assert (acting.account, acting.actor.name) == (holder.account, "NAUDIN Fernand")
    assert acting.actor.sub != practice.sub
