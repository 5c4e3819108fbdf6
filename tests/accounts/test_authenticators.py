"""Who may sign in at an account, and steps that are spent once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from idp.accounts import authenticators, delegations, directory
from idp.rules.delegation import window_of_days
from idp.rules.person import Match
from idp.storage.errors import SealBroken
from idp.storage.schema import authenticator
from tests.accounts.conftest import Practice
from tests.storage.racing import race

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _activate(practice: Practice, secret: str = SECRET, step: int | None = None) -> bool:
    with practice.database.write() as connection:
        return authenticators.activate(
            connection, practice.keyring, practice.account_id, secret, step, practice.clock.now()
        )


def _active(practice: Practice) -> list[str | None]:
    """Return the delegations of those who may sign in; ``None`` is the holder."""
    with practice.database.read() as connection:
        now = practice.clock.now()
        held = authenticators.active(connection, practice.keyring, practice.account_id, now)
    return [one.delegation_id for one in held]


def _only(practice: Practice) -> str:
    with practice.database.read() as connection:
        [held] = authenticators.active(
            connection, practice.keyring, practice.account_id, practice.clock.now()
        )
    return held.id


def _spend(practice: Practice, authenticator_id: str, step: int) -> bool:
    with practice.database.write() as connection:
        return authenticators.spend(connection, Match(authenticator_id, step))


def test_the_first_activation_counts_and_no_other(practice: Practice) -> None:
    assert _activate(practice)
    assert not _activate(practice, SECRET[::-1])
    assert _active(practice) == [None]


@pytest.mark.attack(13)
def test_of_raced_activations_one_counts(practice: Practice) -> None:
    assert race(12, lambda _number: _activate(practice)).count(True) == 1
    assert _active(practice) == [None]


def test_a_disabled_account_is_not_activated(practice: Practice) -> None:
    with practice.database.write() as connection:
        directory.set_disabled(connection, practice.account_id, practice.clock.now())
    assert not _activate(practice)


@pytest.mark.attack(3)
def test_a_step_is_spent_once_and_none_older_after_it(practice: Practice) -> None:
    _activate(practice)
    phone = _only(practice)
    assert [_spend(practice, phone, step) for step in (10, 10, 9, 11, 10)] == [
        True,
        False,
        False,
        True,
        False,
    ]


@pytest.mark.attack(2)
def test_a_step_raced_is_spent_once(practice: Practice) -> None:
    _activate(practice)
    phone = _only(practice)
    assert race(20, lambda _number: _spend(practice, phone, 7)).count(True) == 1


def test_the_step_that_confirmed_a_phone_is_spent(practice: Practice) -> None:
    _activate(practice, step=5)
    assert not _spend(practice, _only(practice), 5)
    assert _spend(practice, _only(practice), 6)


def test_a_rolled_back_step_can_be_spent(practice: Practice) -> None:
    _activate(practice)
    phone = _only(practice)

    def broken() -> None:
        with practice.database.write() as connection:
            assert authenticators.spend(connection, Match(phone, 7))
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        broken()
    assert _spend(practice, phone, 7)


@pytest.mark.attack(49)
def test_assistants_may_sign_in_within_their_days_and_the_holder_always(practice: Practice) -> None:
    _activate(practice)
    window = window_of_days(date(2026, 1, 15), date(2026, 1, 16))
    assistant = practice.assistant(window=window)
    assert window.end is not None
    for moment, present in (
        (window.start - timedelta(microseconds=1), False),
        (window.start, True),
        (window.end - timedelta(microseconds=1), True),
        (window.end, False),
    ):
        practice.clock.set(moment)
        assert (assistant in _active(practice)) is present
        assert None in _active(practice)


def test_a_removed_assistants_phone_is_gone_even_for_a_match_in_flight(practice: Practice) -> None:
    assistant = practice.assistant()
    phone = _only(practice)
    with practice.database.write() as connection:
        assert delegations.remove(
            connection, practice.account_id, assistant, practice.sub, practice.clock.now()
        )
    assert _active(practice) == []
    assert not _spend(practice, phone, 7)


@pytest.mark.attack(54)
def test_nobody_may_sign_in_at_a_disabled_account(practice: Practice) -> None:
    _activate(practice)
    practice.assistant()
    with practice.database.write() as connection:
        directory.set_disabled(connection, practice.account_id, practice.clock.now())
    assert _active(practice) == []


@pytest.mark.attack(69)
def test_secrets_are_sealed_for_their_row_alone(practice: Practice) -> None:
    _activate(practice)
    practice.assistant()
    with practice.database.write() as connection:
        rows = connection.execute(authenticator.select()).all()
        assert all(SECRET not in row.secret for row in rows)
        one, other = rows
        connection.execute(
            update(authenticator).where(authenticator.c.id == one.id).values(secret=other.secret)
        )
    with pytest.raises(SealBroken):
        _active(practice)
