"""One assistant of several practitioners: who they are there, and whose sign-in does for whose."""

from __future__ import annotations

from datetime import date

import pyotp
import pytest

from idp.accounts import assistant_factors, delegations, directory, links
from idp.accounts.delegations import AlreadyListed, NewAssistant
from idp.rules.delegation import Window, window_of_days
from tests.accounts.conftest import Practice
from tests.storage.racing import race

ALWAYS = window_of_days(date(2025, 12, 3), None)
OVER = window_of_days(date(2025, 12, 3), date(2026, 1, 14))


def _account(practice: Practice, identifier: str, name: str) -> str:
    with practice.database.write() as connection:
        now = practice.clock.now()
        sub = directory.add_person(connection, name, now)
        return directory.add_account(connection, sub, identifier, "health_professional", "x", now)


def _linked(practice: Practice, account_id: str, origin: str, window: Window = ALWAYS) -> str:
    with practice.database.write() as connection:
        known = links.known(connection, origin, practice.clock.now())
        assert known is not None
        new = NewAssistant(
            known.name, window, pyotp.random_base32(), None, known.person_id, known.delegation_id
        )
        return delegations.add(connection, practice.keyring, account_id, new, 10, practice.clock.now())


def _reached(practice: Practice, origin: str, *, own_passwords: bool = False) -> list[str]:
    with practice.database.read() as connection:
        found = links.reached(connection, origin, practice.clock.now(), own_passwords=own_passwords)
    return [one.practitioner for one in found]


@pytest.mark.attack(62)
def test_a_link_makes_the_same_person_and_leads_one_way(practice: Practice) -> None:
    petit = _account(practice, "408463", "PETIT Anne")
    here, stranger = practice.assistant(), practice.assistant("VOLFONI Raoul")
    there = _linked(practice, petit, here)
    with practice.database.read() as connection:
        subs = {delegations.assistant_of(connection, one) for one in (here, there)}
        found = links.reached(connection, here, practice.clock.now(), own_passwords=False)
    assert len(subs) == 1
    assert [(one.delegation_id, one.account_id) for one in found] == [(there, petit)]
    assert _reached(practice, here) == ["PETIT Anne"]
    assert _reached(practice, there) == []
    assert _reached(practice, stranger) == []
    assert _reached(practice, "none") == []


@pytest.mark.attack(62)
def test_what_is_removed_over_or_disabled_is_not_reached_nor_passed_through(practice: Practice) -> None:
    accounts = [_account(practice, f"40847{n}", name) for n, name in enumerate(("B", "C", "D", "E"))]
    here = practice.assistant()
    second = _linked(practice, accounts[0], here)
    _linked(practice, accounts[1], second)
    _linked(practice, accounts[2], here, OVER)
    _linked(practice, accounts[3], here)
    assert _reached(practice, here) == ["B", "C", "E"]
    with practice.database.write() as connection:
        directory.set_disabled(connection, accounts[3], practice.clock.now())
        delegations.remove(connection, accounts[0], second, practice.sub, practice.clock.now())
    assert _reached(practice, here) == []
    assert _reached(practice, second) == []


def test_with_own_passwords_only_where_they_have_one(practice: Practice) -> None:
    petit = _account(practice, "408463", "PETIT Anne")
    here = practice.assistant()
    there = _linked(practice, petit, here)
    assert _reached(practice, here, own_passwords=True) == []
    with practice.database.write() as connection:
        assert assistant_factors.rekey(
            connection, practice.keyring, petit, there, "own", pyotp.random_base32(), 1, practice.clock.now()
        )
    assert _reached(practice, here, own_passwords=True) == ["PETIT Anne"]


def test_nobody_is_listed_twice_even_at_once(practice: Practice) -> None:
    petit = _account(practice, "408463", "PETIT Anne")
    here = practice.assistant()

    def add(_number: int) -> bool:
        try:
            _linked(practice, petit, here)
        except AlreadyListed:
            return False
        return True

    assert race(5, add).count(True) == 1
    with pytest.raises(AlreadyListed):
        _linked(practice, practice.account_id, here)


def test_who_may_not_act_is_not_known_for_a_link(practice: Practice) -> None:
    here, over = practice.assistant(), practice.assistant(window=OVER)
    with practice.database.write() as connection:
        now = practice.clock.now()
        assert links.known(connection, over, now) is None
        assert links.known(connection, "none", now) is None
        assert links.known(connection, here, now) is not None
        directory.set_disabled(connection, practice.account_id, now)
        assert links.known(connection, here, now) is None
