"""The holder's phone replaced or reset: what ends with it, and what goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyotp
import pytest

from idp.accounts import authenticators, devices, phones, recovery_codes, sessions
from idp.accounts.party import party
from idp.accounts.sessions import Opened
from tests.accounts.conftest import Practice
from tests.storage.racing import race

HOURS = timedelta(hours=8)


def _activate(practice: Practice) -> None:
    with practice.database.write() as connection:
        now = practice.clock.now()
        secret = pyotp.random_base32()
        assert authenticators.activate(connection, practice.keyring, practice.account_id, secret, None, now)
        recovery_codes.renew(connection, practice.keyring, practice.account_id, now)


def _open(practice: Practice, sid: str, delegation_id: str | None = None) -> None:
    with practice.database.write() as connection:
        now = practice.clock.now()
        new = Opened(sid, practice.account_id, delegation_id, "Firefox, Windows", now, now + HOURS)
        sessions.opened(connection, new, goes_on=False)
        devices.make_known(connection, practice.account_id, delegation_id, sid, "Firefox, Windows", now)


def _replace(practice: Practice, *, since: datetime | None = None, but: str | None = None) -> str:
    secret = pyotp.random_base32()
    with practice.database.write() as connection:
        phones.replace(
            connection,
            practice.keyring,
            practice.account_id,
            secret,
            7,
            practice.clock.now(),
            proved_since=since,
            but=but,
        )
    return secret


def _held(practice: Practice) -> dict[str, str | None]:
    with practice.database.read() as connection:
        now = practice.clock.now()
        held = authenticators.active(connection, practice.keyring, practice.account_id, now)
    return {one.secret: one.delegation_id for one in held}


def _sids(practice: Practice) -> set[str]:
    with practice.database.read() as connection:
        found = sessions.of_account(connection, practice.account_id, practice.clock.now())
    return {one.sid for one in found}


def _not_before(practice: Practice, delegation_id: str | None = None) -> datetime | None:
    with practice.database.read() as connection:
        found = party(connection, practice.account_id, delegation_id, practice.clock.now())
    assert found is not None
    return found.not_before


@pytest.mark.attack(61)
def test_a_new_phone_takes_the_place_of_the_holders_and_of_no_assistants(practice: Practice) -> None:
    _activate(practice)
    assistant = practice.assistant()
    _open(practice, "doctor")
    _open(practice, "assistant", assistant)
    since = practice.clock.now() - timedelta(seconds=30)
    secret = _replace(practice, since=since)
    held = _held(practice)
    assert held[secret] is None
    assert len(held) == 2
    assert set(held.values()) == {None, assistant}
    assert _sids(practice) == {"assistant"}
    assert _not_before(practice) == since
    assert _not_before(practice, assistant) is None


def test_the_session_that_goes_on_is_the_one_that_is_named(practice: Practice) -> None:
    _activate(practice)
    _open(practice, "here")
    _open(practice, "elsewhere")
    _replace(practice, but="here")
    assert _sids(practice) == {"here"}
    assert _not_before(practice) is None


def test_of_phones_put_in_place_at_the_same_moment_one_stays(practice: Practice) -> None:
    _activate(practice)
    secrets = race(6, lambda _number: _replace(practice))
    assert len(_held(practice)) == 1
    assert set(_held(practice)) < set(secrets)


@pytest.mark.attack(61)
def test_a_reset_takes_the_holders_phone_codes_sessions_and_devices_and_leaves_the_assistants(
    practice: Practice,
) -> None:
    _activate(practice)
    assistant = practice.assistant()
    _open(practice, "doctor")
    _open(practice, "assistant", assistant)
    practice.clock.advance(seconds=60)
    now = practice.clock.now()
    with practice.database.write() as connection:
        assert phones.reset(connection, practice.account_id, now) == 1
        assert phones.reset(connection, practice.account_id, now) == 0
    assert list(_held(practice).values()) == [assistant]
    assert _sids(practice) == {"assistant"}
    assert _not_before(practice) == now
    assert _not_before(practice, assistant) is None
    with practice.database.read() as connection:
        assert recovery_codes.left(connection, practice.account_id) == 0
        known = devices.of_account(connection, practice.account_id, now)
        present = party(connection, practice.account_id, None, now)
    assert [one.by_holder for one in known] == [False]
    assert present is not None
    assert present.account.activated
