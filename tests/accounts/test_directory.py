"""Accounts by what a person types."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from idp.accounts import directory
from idp.accounts.identifier import MAX_LENGTH, comparable, new_id
from idp.accounts.party import party
from tests.accounts.conftest import Practice


@pytest.mark.attack(6)
@pytest.mark.parametrize(
    "typed",
    [
        "Dr.Durand",
        "dr.durand",
        " DR.DURAND\t",
        "dr. durand",
        "ＤＲ．ＤＵＲＡＮＤ",
        "dr.\u200bdu\u00adrand",
        "dr.durand\x00",
    ],
)
def test_spellings_of_one_identifier_compare_equal(typed: str) -> None:
    assert comparable(typed) == "dr.durand"


@pytest.mark.parametrize("typed", ["", " ", "\u200b\u00ad", "x" * (MAX_LENGTH + 1), "x" * 10_000, "ﷺ" * 60])
def test_what_cannot_be_an_identifier_is_none(typed: str) -> None:
    assert comparable(typed) is None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_comparing_is_stable_and_bounded(typed: str) -> None:
    kept = comparable(typed)
    if kept is not None:
        assert 0 < len(kept) <= MAX_LENGTH
        assert comparable(kept) == kept
        assert comparable(f" {typed} ") == kept


def test_an_identifier_is_stored_as_it_is_compared_and_taken_once(practice: Practice) -> None:
    now = practice.clock.now()
    with practice.database.write() as connection:
        account_id = directory.add_account(connection, practice.sub, " Dr.Durand ", "insured", "phc", now)
        known = directory.credentials(connection, "dr.durand")
        assert directory.credentials(connection, "Dr.Durand") is None
    assert known == directory.Credentials(account_id, "phc", False)
    with pytest.raises(IntegrityError), practice.database.write() as connection:
        directory.add_account(connection, practice.sub, "DR.DURAND", "insured", "phc", now)
    with (
        pytest.raises(ValueError, match="1 to 64 visible characters"),
        practice.database.write() as connection,
    ):
        directory.add_account(connection, practice.sub, " ", "insured", "phc", now)


def test_a_password_is_replaced_and_an_account_disabled_and_enabled(practice: Practice) -> None:
    with practice.database.write() as connection:
        directory.set_password(connection, practice.account_id, "new")
        directory.set_disabled(connection, practice.account_id, practice.clock.now())
        off = directory.credentials(connection, "408461")
        directory.set_disabled(connection, practice.account_id, None)
        on = directory.credentials(connection, "408461")
    assert off == directory.Credentials(practice.account_id, "new", True)
    assert on == directory.Credentials(practice.account_id, "new", False)


def test_a_password_is_replaced_only_while_it_is_the_one_that_was_judged(practice: Practice) -> None:
    with practice.database.write() as connection:
        directory.set_password(connection, practice.account_id, "first")
        assert not directory.replace_password(connection, practice.account_id, "another", "second")
        assert directory.replace_password(connection, practice.account_id, "first", "second")
        directory.set_disabled(connection, practice.account_id, practice.clock.now())
        assert not directory.replace_password(connection, practice.account_id, "second", "third")


def test_what_counts_from_a_moment_on_never_counts_from_an_earlier_one(practice: Practice) -> None:
    now = practice.clock.now()
    with practice.database.write() as connection:
        for moment in (now, now - timedelta(seconds=1), now + timedelta(seconds=1)):
            directory.count_from(connection, practice.account_id, moment)
        present = party(connection, practice.account_id, None, now)
    assert present is not None
    assert present.not_before == now + timedelta(seconds=1)


@pytest.mark.parametrize("typed", ["Alice@Example.org", " alice@example.ORG ", "ａｌｉｃｅ@example.org"])
def test_people_are_found_by_their_address_however_it_is_spelled(practice: Practice, typed: str) -> None:
    now = practice.clock.now()
    key = directory.email_key({"email": typed})
    assert key is not None
    with practice.database.write() as connection:
        assert directory.with_email(connection, key) == []
        sub = directory.add_person(connection, "DURAND Alice", now, {"email": "alice@example.org"})
        found = [
            directory.add_account(connection, sub, identifier, "insured", "phc", now)
            for identifier in ("1", "2")
        ]
        directory.add_person(connection, "DURAND Bob", now, {"email": "bob@example.org"})
        assert directory.with_email(connection, key) == sorted(found)
        directory.set_disabled(connection, found[0], now)
        assert directory.with_email(connection, key) == [found[1]]


@pytest.mark.parametrize("attributes", [{}, {"email": ""}, {"email": " "}, {"email": None}, {"email": 7}])
def test_whoever_has_no_address_is_found_by_none(attributes: dict[str, object]) -> None:
    assert directory.email_key(attributes) is None


def test_ids_are_random_and_fit_their_columns() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert {len(one) for one in made} == {32}
