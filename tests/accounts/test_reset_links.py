"""Single-use links: kept as a digest, good for the account as it stood, used once whoever races. On both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from idp.accounts import directory, reset_links
from idp.storage.schema import account, single_use_link
from tests.accounts.conftest import Practice
from tests.storage.racing import race

QUARTER = timedelta(minutes=15)


def _made(practice: Practice) -> str:
    with practice.database.write() as connection:
        return reset_links.make(connection, practice.account_id, QUARTER, practice.clock.now())


def _leads(practice: Practice, token: str) -> bool:
    with practice.database.read() as connection:
        found = reset_links.holder(connection, token, practice.clock.now())
    return found is not None and found.id == practice.account_id


def _taken(practice: Practice, token: str) -> str | None:
    with practice.database.write() as connection:
        return reset_links.take(connection, token, practice.clock.now())


def test_a_link_leads_to_its_account_as_often_as_one_looks_and_is_used_once(practice: Practice) -> None:
    token = _made(practice)
    assert _leads(practice, token)
    assert _leads(practice, token)
    assert _taken(practice, token) == practice.account_id
    assert not _leads(practice, token)
    assert _taken(practice, token) is None


@pytest.mark.attack(69)
def test_what_is_kept_of_a_link_is_no_link(practice: Practice) -> None:
    token = _made(practice)
    with practice.database.read() as connection:
        row = connection.execute(select(single_use_link)).one()
    assert token not in str(row)
    assert not _leads(practice, row.token)
    assert len(token) == 43


def test_links_differ_are_counted_while_they_live_and_forgotten_together(practice: Practice) -> None:
    tokens = {_made(practice) for _ in range(3)}
    assert len(tokens) == 3
    with practice.database.write() as connection:
        now = practice.clock.now()
        assert reset_links.count(connection, practice.account_id, now) == 3
        assert reset_links.count(connection, practice.account_id, now + QUARTER) == 0
        assert reset_links.count(connection, "somebody else", now) == 0
        reset_links.forget(connection, practice.account_id)
    assert not any(_leads(practice, token) for token in tokens)


def test_time_ends_a_link_to_the_second(practice: Practice) -> None:
    token = _made(practice)
    practice.clock.advance(seconds=15 * 60 - 1)
    assert _leads(practice, token)
    practice.clock.advance(seconds=1)
    assert not _leads(practice, token)
    assert _taken(practice, token) is None


def _set(**values: object) -> Callable[[Connection, str, datetime], None]:
    def change(connection: Connection, account_id: str, _now: datetime) -> None:
        connection.execute(update(account).where(account.c.id == account_id).values(**values))

    return change


def _off_and_on(connection: Connection, account_id: str, now: datetime) -> None:
    directory.set_disabled(connection, account_id, now)
    directory.set_disabled(connection, account_id, None)


MOMENT = datetime.fromisoformat("2026-01-15T09:30:00+00:00")
CHANGES: dict[str, Callable[[Connection, str, datetime], None]] = {
    "password": _set(password="$argon2id$another"),
    "activated": _set(activated_at=MOMENT),
    "not before": _set(not_before=MOMENT),
    "holder not before": _set(holder_not_before=MOMENT),
    "disabled": directory.set_disabled,
    "disabled and enabled": _off_and_on,
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_of_the_account_makes_a_link_worthless(practice: Practice, what: str) -> None:
    token = _made(practice)
    with practice.database.write() as connection:
        CHANGES[what](connection, practice.account_id, practice.clock.now())
    assert not _leads(practice, token)
    assert _taken(practice, token) is None


def test_of_many_who_use_one_link_one_gets_it(practice: Practice) -> None:
    token = _made(practice)
    assert [found for found in race(8, lambda _: _taken(practice, token)) if found] == [practice.account_id]


def test_of_two_links_used_at_once_one_is_overtaken(practice: Practice) -> None:
    tokens = [_made(practice) for _ in range(4)]

    def use(number: int) -> bool:
        with practice.database.write() as connection:
            found = reset_links.take(connection, tokens[number], practice.clock.now())
            if found is not None:
                directory.set_password(connection, found, f"$argon2id$new{number}")
            return found is not None

    assert race(4, use).count(True) == 1
