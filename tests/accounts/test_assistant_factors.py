"""An assistant's phone and password: given anew by the practitioner, or chosen by the assistant."""

from __future__ import annotations

from datetime import date, timedelta

import pyotp
import pytest
from sqlalchemy import select

from idp.accounts import assistant_factors, authenticators, delegations, directory
from idp.accounts.party import party
from idp.rules.delegation import window_of_days
from idp.rules.person import Match
from idp.storage.schema import authenticator, delegation
from tests.accounts.conftest import Practice
from tests.storage.racing import race


def _rekey(practice: Practice, one: str, password: str = "own") -> bool:
    with practice.database.write() as connection:
        return assistant_factors.rekey(
            connection,
            practice.keyring,
            practice.account_id,
            one,
            password,
            pyotp.random_base32(),
            7,
            practice.clock.now(),
        )


def _replace(practice: Practice, one: str, account_id: str | None = None) -> bool:
    with practice.database.write() as connection:
        return assistant_factors.replace_phone(
            connection,
            practice.keyring,
            account_id or practice.account_id,
            one,
            pyotp.random_base32(),
            7,
            practice.clock.now(),
        )


def _own(practice: Practice) -> dict[str, str]:
    with practice.database.read() as connection:
        return assistant_factors.own_passwords(connection, practice.account_id, practice.clock.now())


def _held(practice: Practice, one: str) -> list[authenticators.Held]:
    with practice.database.read() as connection:
        held = authenticators.active(connection, practice.keyring, practice.account_id, practice.clock.now())
    return [each for each in held if each.delegation_id == one]


def test_choosing_replaces_the_phone_and_says_so_to_whoever_asks(practice: Practice) -> None:
    one = practice.assistant()
    [given] = _held(practice, one)
    assert not given.own_password
    assert _rekey(practice, one)
    [chosen] = _held(practice, one)
    assert (chosen.own_password, chosen.secret != given.secret) == (True, True)
    assert _own(practice) == {one: "own"}
    with practice.database.write() as connection:
        assert not authenticators.spend(connection, Match(given.id, 9))
        assert not authenticators.spend(connection, Match(chosen.id, 7))
        assert authenticators.spend(connection, Match(chosen.id, 8))
        present = party(connection, practice.account_id, one, practice.clock.now())
    assert present is not None
    assert (present.own_password, present.not_before) == (True, practice.clock.now().replace(microsecond=0))


def test_of_many_that_choose_at_once_one_counts(practice: Practice) -> None:
    one = practice.assistant()
    assert race(8, lambda number: _rekey(practice, one, f"own-{number}")).count(True) == 1
    assert len(_held(practice, one)) == 1
    assert not _rekey(practice, one)


@pytest.mark.attack(53)
def test_who_may_not_act_now_chooses_nothing_and_their_password_is_compared_with_nothing(
    practice: Practice,
) -> None:
    over = practice.assistant(window=window_of_days(date(2025, 12, 3), date(2026, 1, 15)))
    removed = practice.assistant("VOLFONI Raoul")
    assert _rekey(practice, over)
    assert _rekey(practice, removed)
    practice.clock.advance(seconds=2 * 86_400)
    with practice.database.write() as connection:
        now = practice.clock.now()
        assert delegations.remove(connection, practice.account_id, removed, practice.sub, now)
    assert _own(practice) == {}
    late = practice.assistant(window=window_of_days(date(2026, 6, 1), None))
    for one in (over, removed, late):
        assert not _rekey(practice, one, "again")
    with practice.database.read() as connection:
        kept = connection.execute(select(delegation.c.id, delegation.c.password)).all()
    assert {tuple(row) for row in kept} == {(over, "own"), (removed, None), (late, None)}


@pytest.mark.attack(56)
def test_another_account_gives_no_phone_and_one_who_is_removed_gets_none(practice: Practice) -> None:
    one = practice.assistant()
    with practice.database.write() as connection:
        now = practice.clock.now()
        sub = directory.add_person(connection, "PETIT Anne", now)
        other = directory.add_account(connection, sub, "408463", "health_professional", "x", now)
    [before] = _held(practice, one)
    assert not _replace(practice, one, other)
    assert [each.secret for each in _held(practice, one)] == [before.secret]
    with practice.database.write() as connection:
        assert delegations.remove(connection, practice.account_id, one, practice.sub, now)
    assert not _replace(practice, one)
    with practice.database.read() as connection:
        assert list(connection.execute(select(authenticator.c.secret)).scalars()) == [None]


def test_a_new_phone_forgets_the_own_password_and_what_was_proved_with_the_phone_before(
    practice: Practice,
) -> None:
    one, other = practice.assistant(), practice.assistant("VOLFONI Raoul")
    for each in (one, other):
        assert _rekey(practice, each)
    practice.clock.advance(seconds=1)
    assert _replace(practice, one)
    assert set(_own(practice)) == {other}
    with practice.database.read() as connection:
        now = practice.clock.now()
        parties = [party(connection, practice.account_id, each, now) for each in (one, other, None)]
    ends = [each.not_before if each else None for each in parties]
    assert ends == [now, (now - timedelta(seconds=1)).replace(microsecond=0), None]


def test_phones_raced_leave_one(practice: Practice) -> None:
    one = practice.assistant()
    assert race(6, lambda _number: _replace(practice, one)).count(True) == 6
    assert len(_held(practice, one)) == 1


def test_a_password_stored_anew_never_comes_over_another(practice: Practice) -> None:
    one = practice.assistant()
    assert _rekey(practice, one, "first")
    with practice.database.write() as connection:
        assistant_factors.set_own_password(connection, one, "before", "never")
        assistant_factors.set_own_password(connection, one, "first", "second")
    assert _own(practice) == {one: "second"}
