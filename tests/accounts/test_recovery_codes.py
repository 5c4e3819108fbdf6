"""Recovery codes and activation codes in the database: one use each, whoever comes at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from idp.accounts import activation_codes, directory, recovery_codes
from idp.storage.schema import activation_code, recovery_code
from tests.accounts.conftest import Practice
from tests.storage.racing import race


def _renew(practice: Practice) -> list[str]:
    with practice.database.write() as connection:
        codes = recovery_codes.renew(connection, practice.keyring, practice.account_id, practice.clock.now())
    return [code.replace("-", "") for code in codes]


def _found(practice: Practice, code: str, account_id: str | None = None) -> str | None:
    with practice.database.read() as connection:
        account_id = account_id or practice.account_id
        return recovery_codes.found(connection, practice.keyring, account_id, code)


def _spend(practice: Practice, code_id: str, account_id: str | None = None) -> bool:
    with practice.database.write() as connection:
        account_id = account_id or practice.account_id
        return recovery_codes.spend(connection, account_id, code_id, practice.clock.now())


def _left(practice: Practice) -> int:
    with practice.database.read() as connection:
        return recovery_codes.left(connection, practice.account_id)


def _other_account(practice: Practice) -> str:
    with practice.database.write() as connection:
        now = practice.clock.now()
        sub = directory.add_person(connection, "PETIT Anne", now)
        return directory.add_account(connection, sub, "408462", "insured", "$argon2id$…", now)


def _make(practice: Practice) -> str:
    with practice.database.write() as connection:
        now = practice.clock.now()
        new = activation_codes.make(connection, practice.keyring, practice.account_id, now)
    return new.code.replace("-", "")


def _stored(practice: Practice, code: str) -> str | None:
    with practice.database.read() as connection:
        return activation_codes.found(
            connection, practice.keyring, practice.account_id, code, practice.clock.now()
        )


def _take(practice: Practice, stored: str) -> bool:
    with practice.database.write() as connection:
        return activation_codes.take(connection, practice.account_id, stored, practice.clock.now())


def test_each_of_ten_codes_is_good_once(practice: Practice) -> None:
    codes = _renew(practice)
    assert len(set(codes)) == _left(practice) == 10
    for used, code in enumerate(codes):
        assert _left(practice) == 10 - used
        found = _found(practice, code)
        assert found is not None
        assert _spend(practice, found)
        assert not _spend(practice, found)
        assert _found(practice, code) is None
    assert _left(practice) == 0


def test_finding_a_code_does_not_use_it(practice: Practice) -> None:
    [code, *_] = _renew(practice)
    assert _found(practice, code) == _found(practice, code)
    assert _left(practice) == 10


@pytest.mark.attack(61)
def test_one_recovery_code_raced_is_used_once(practice: Practice) -> None:
    found = _found(practice, _renew(practice)[0])
    assert found is not None
    assert race(16, lambda _number: _spend(practice, found)).count(True) == 1
    assert _left(practice) == 9


def test_fresh_codes_kill_the_old_ones_used_or_not(practice: Practice) -> None:
    old = _renew(practice)
    found = _found(practice, old[0])
    assert found is not None
    _renew(practice)
    assert [_found(practice, code) for code in old] == [None] * 10
    assert not _spend(practice, found)
    assert _left(practice) == 10


def test_codes_made_at_the_same_moment_leave_one_set(practice: Practice) -> None:
    sets = race(6, lambda _number: _renew(practice))
    alive = [codes for codes in sets if any(_found(practice, code) for code in codes)]
    assert len(alive) == 1
    assert all(_found(practice, code) for code in alive[0])
    assert _left(practice) == 10


def test_a_code_of_one_account_is_nothing_at_another(practice: Practice) -> None:
    [code, *_] = _renew(practice)
    other = _other_account(practice)
    found = _found(practice, code)
    assert found is not None
    assert _found(practice, code, other) is None
    assert not _spend(practice, found, other)
    assert _left(practice) == 10


@pytest.mark.attack(74)
def test_an_activation_code_is_taken_once_whoever_comes_at_the_same_moment(practice: Practice) -> None:
    stored = _stored(practice, _make(practice))
    assert stored is not None
    assert race(16, lambda _number: _take(practice, stored)).count(True) == 1
    assert not _take(practice, stored)


def test_a_newer_activation_code_takes_the_place_of_the_older_even_of_one_already_shown(
    practice: Practice,
) -> None:
    old = _make(practice)
    held = _stored(practice, old)
    assert held is not None
    new = _make(practice)
    assert _stored(practice, old) is None
    assert not _take(practice, held)
    stored = _stored(practice, new)
    assert stored is not None
    assert _take(practice, stored)


def test_activation_codes_made_at_the_same_moment_leave_one(practice: Practice) -> None:
    codes = race(6, lambda _number: _make(practice))
    assert sum(_stored(practice, code) is not None for code in codes) == 1
    with practice.database.read() as connection:
        rows = connection.execute(select(func.count()).select_from(activation_code))
        assert rows.scalar_one() == 1


def test_an_activation_code_is_good_to_the_end_of_the_thirtieth_day_in_monaco(practice: Practice) -> None:
    practice.clock.set(datetime(2026, 3, 1, 23, 30, tzinfo=UTC))  # the 2nd in Monaco, before summer time
    code = _make(practice)
    stored = _stored(practice, code)
    assert stored is not None
    practice.clock.set(datetime(2026, 4, 1, 21, 59, 59, tzinfo=UTC))
    assert _stored(practice, code) == stored
    practice.clock.set(datetime(2026, 4, 1, 22, 0, tzinfo=UTC))
    assert _stored(practice, code) is None
    assert not _take(practice, stored)


@pytest.mark.attack(69)
def test_the_tables_hold_no_code(practice: Practice) -> None:
    codes = [*_renew(practice), _make(practice)]
    with practice.database.read() as connection:
        dump = repr([connection.execute(select(table)).all() for table in (recovery_code, activation_code)])
    assert not [code for code in codes if code in dump]
