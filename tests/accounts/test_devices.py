"""The devices that an account knows: by whom, for how long, and forgotten with them."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from idp.accounts import delegations, devices, directory
from idp.accounts.devices import KEPT_OF_ONE_PERSON, MadeKnown
from idp.rules.delegation import window_of_days
from idp.storage.schema import device
from tests.accounts.conftest import Practice
from tests.storage.racing import race

PC, LAPTOP = "a" * 64, "b" * 64


def made_known(
    practice: Practice, token: str, by: str | None = None, label: str = "Firefox, Windows"
) -> MadeKnown:
    with practice.database.write() as connection:
        return devices.make_known(connection, practice.account_id, by, token, label, practice.clock.now())


def known(practice: Practice, token: str) -> bool:
    """Ask both ways: they must never differ."""
    with practice.database.read() as connection:
        now = practice.clock.now()
        by_account = devices.is_known(connection, practice.account_id, token, now)
        assert devices.is_known_at(connection, "408461", token, now) == by_account
    return by_account


def listed(practice: Practice) -> list[tuple[str, tuple[str, ...], bool]]:
    with practice.database.read() as connection:
        found = devices.of_account(connection, practice.account_id, practice.clock.now())
    return [(one.token, one.assistants, one.by_holder) for one in found]


def rows(practice: Practice) -> int:
    with practice.database.read() as connection:
        count: int = connection.execute(select(func.count()).select_from(device)).scalar_one()
    return count


def test_the_first_another_and_one_known_before_are_told_apart(practice: Practice) -> None:
    assert not known(practice, PC)
    assert made_known(practice, PC) == "first"
    assert made_known(practice, PC) == "before"
    assert made_known(practice, LAPTOP) == "another"
    assert known(practice, PC)
    assert known(practice, LAPTOP)
    assert rows(practice) == 2


def test_a_device_known_to_one_account_is_unknown_to_others_and_to_identifiers_that_nobody_has(
    practice: Practice,
) -> None:
    made_known(practice, PC)
    with practice.database.write() as connection:
        now = practice.clock.now()
        sub = directory.add_person(connection, "MARTIN Paul", now)
        other = directory.add_account(connection, sub, "408462", "health_professional", "…", now)
        assert not devices.is_known(connection, other, PC, now)
        assert not devices.is_known_at(connection, "408462", PC, now)
        assert not devices.is_known_at(connection, "999999", PC, now)


@pytest.mark.attack(10)
def test_what_a_removed_assistant_made_known_is_unknown_and_the_practices_computer_stays(
    practice: Practice,
) -> None:
    assistant = practice.assistant()
    for token in (PC, LAPTOP):
        made_known(practice, token, assistant)
    made_known(practice, PC)
    with practice.database.write() as connection:
        assert delegations.remove(
            connection, practice.account_id, assistant, practice.sub, practice.clock.now()
        )
    assert (known(practice, PC), known(practice, LAPTOP)) == (True, False)
    assert rows(practice) == 1


@pytest.mark.attack(10)
def test_what_an_assistant_made_known_is_unknown_once_their_time_is_over(practice: Practice) -> None:
    assistant = practice.assistant(window=window_of_days(date(2025, 12, 3), date(2026, 1, 15)))
    made_known(practice, LAPTOP, assistant)
    assert known(practice, LAPTOP)
    practice.clock.advance(seconds=86_400)
    assert not known(practice, LAPTOP)
    assert listed(practice) == []
    assert made_known(practice, PC) == "first"


def test_one_line_a_device_says_who_uses_it_the_last_used_first(practice: Practice) -> None:
    fernand, raoul = practice.assistant(), practice.assistant("VOLFONI Raoul")
    made_known(practice, PC)
    for token, by in ((LAPTOP, raoul), (PC, raoul), (PC, fernand)):
        practice.clock.advance(seconds=60)
        made_known(practice, token, by)
    assert listed(practice) == [
        (PC, ("NAUDIN Fernand", "VOLFONI Raoul"), True),
        (LAPTOP, ("VOLFONI Raoul",), False),
    ]
    practice.clock.advance(seconds=60)
    made_known(practice, LAPTOP, raoul, "Safari, iOS")
    with practice.database.read() as connection:
        first = devices.of_account(connection, practice.account_id, practice.clock.now())[0]
    assert (first.token, first.label, first.last_used_at) == (LAPTOP, "Safari, iOS", practice.clock.now())


def test_a_forgotten_device_is_forgotten_whoever_made_it_known_and_by_its_own_account_only(
    practice: Practice,
) -> None:
    for by in (None, practice.assistant()):
        made_known(practice, PC, by)
    made_known(practice, LAPTOP)
    with practice.database.read() as connection:
        found = devices.of_account(connection, practice.account_id, practice.clock.now())
    pc = next(one.id for one in found if one.token == PC)
    with practice.database.write() as connection:
        assert not devices.forget_one(connection, "somebody else", pc)
        assert devices.forget_one(connection, practice.account_id, pc)
        assert not devices.forget_one(connection, practice.account_id, pc)
        assert not devices.forget_one(connection, practice.account_id, "no device")
        assert not devices.is_used(connection, PC)
        assert devices.is_used(connection, LAPTOP)
    assert (known(practice, PC), known(practice, LAPTOP)) == (False, True)


@pytest.mark.parametrize(("of", "left"), [("everybody", []), ("holder", [LAPTOP]), ("assistant", [PC])])
def test_devices_are_forgotten_by_who_made_them_known(practice: Practice, of: str, left: list[str]) -> None:
    assistant = practice.assistant()
    made_known(practice, PC)
    made_known(practice, LAPTOP, assistant)
    with practice.database.write() as connection:
        of = assistant if of == "assistant" else of
        assert devices.forget(connection, practice.account_id, of=of) == 2 - len(left)
    assert [token for token, *_ in listed(practice)] == left


@pytest.mark.attack(10)
def test_nobodys_many_browsers_push_out_what_another_person_made_known(practice: Practice) -> None:
    made_known(practice, PC)
    assistant = practice.assistant()
    for number in range(KEPT_OF_ONE_PERSON + 3):
        practice.clock.advance(seconds=1)
        made_known(practice, f"{number:064d}", assistant)
    assert known(practice, PC)
    assert rows(practice) == KEPT_OF_ONE_PERSON + 1
    assert [known(practice, f"{number:064d}") for number in (0, 2, 3)] == [False, False, True]


def test_the_same_sign_in_twice_at_once_makes_one_row_and_tells_once(practice: Practice) -> None:
    made_known(practice, LAPTOP)
    answers = race(8, lambda _number: made_known(practice, PC))
    assert sorted(answers) == ["another"] + ["before"] * 7
    assert rows(practice) == 2
