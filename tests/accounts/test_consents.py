"""What somebody agreed that a service is told: each word of one person at one account for one service."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select

from idp.accounts import consents, grants
from idp.accounts.grants import Grant
from idp.accounts.party import Party, party
from idp.storage.schema import token_grant
from tests.accounts.conftest import Practice
from tests.storage.racing import race


def _party(practice: Practice, delegation_id: str | None = None) -> Party:
    with practice.database.read() as connection:
        found = party(connection, practice.account_id, delegation_id, practice.clock.now())
    assert found is not None
    return found


def _give(practice: Practice, who: Party, client_id: str, *words: str) -> None:
    with practice.database.write() as connection:
        consents.give(connection, who, client_id, words, practice.clock.now())


def _cover(practice: Practice, who: Party, client_id: str, *words: str) -> bool:
    with practice.database.read() as connection:
        return consents.cover(connection, who, client_id, words)


def test_each_word_is_agreed_to_and_stays_beside_the_next(practice: Practice) -> None:
    holder = _party(practice)
    assert not _cover(practice, holder, "portal", "openid")
    _give(practice, holder, "portal", "openid", "email")
    assert _cover(practice, holder, "portal", "email")
    assert not _cover(practice, holder, "portal", "openid", '"email"')
    assert not _cover(practice, holder, "portal", "openi")
    _give(practice, holder, "portal", '"email"')
    assert _cover(practice, holder, "portal", "email", '"email"', "openid")


def test_another_person_or_service_has_its_own(practice: Practice) -> None:
    holder, helper = _party(practice), _party(practice, practice.assistant())
    other = _party(practice, practice.assistant("VOLFONI Paul"))
    _give(practice, helper, "portal", "openid")
    assert _cover(practice, helper, "portal", "openid")
    for who, client_id in ((holder, "portal"), (other, "portal"), (helper, "retirement")):
        assert not _cover(practice, who, client_id, "openid")
    assert len({holder.key, helper.key, other.key}) == 3


def test_of_agreements_at_once_none_is_lost(practice: Practice) -> None:
    holder = _party(practice)
    words = [f"scope-{number}" for number in range(8)]
    race(8, lambda number: _give(practice, holder, "portal", words[number]))
    assert _cover(practice, holder, "portal", *words)


def _take(
    practice: Practice, who: Party, name: str, client_id: str = "portal", parent: str | None = None
) -> None:
    """Take a code for a grant, as an exchange does where its person was asked for consent. Raises ``LookupError``."""
    now = practice.clock.now()
    acting = who.actor.delegation_id if who.actor else None
    ends = now + timedelta(hours=1)
    grant = Grant(name, client_id, practice.account_id, acting, "sid", "", (), 0, now, ends, parent_id=parent)
    with practice.database.write() as connection:
        assert grants.take(connection, grant)
        if not consents.cover(connection, who, client_id, {"openid"}):
            raise LookupError


def _alive(practice: Practice) -> set[str]:
    query = select(token_grant.c.id).where(token_grant.c.revoked_at.is_(None))
    with practice.database.read() as connection:
        return set(connection.execute(query).scalars())


def _withdraw(practice: Practice, who: Party, client_id: str = "portal") -> frozenset[str] | None:
    with practice.database.write() as connection:
        return consents.withdraw(connection, who, client_id, practice.clock.now())


def test_withdrawing_ends_what_this_person_gave_this_service_and_what_was_exchanged_for_it(
    practice: Practice,
) -> None:
    holder, helper = _party(practice), _party(practice, practice.assistant())
    for who in (holder, helper):
        for client_id in ("portal", "records"):
            _give(practice, who, client_id, "openid", "email")
            _take(practice, who, f"{who.person_id} at {client_id}", client_id)
    _take(practice, helper, "exchanged", "records", parent=f"{helper.person_id} at portal")
    _take(practice, helper, "exchanged again", "records", parent="exchanged")
    assert _withdraw(practice, helper) == frozenset({"openid", "email"})
    assert _alive(practice) == {
        f"{helper.person_id} at records",
        *(f"{holder.person_id} at {client_id}" for client_id in ("portal", "records")),
    }
    assert not _cover(practice, helper, "portal", "openid")
    with practice.database.read() as connection:
        (left,) = consents.of_person(connection, helper)
        assert (left.client_id, left.words) == ("records", frozenset({"openid", "email"}))
        assert left.given_at == practice.clock.now()
    assert _withdraw(practice, helper) is None


def test_what_was_never_agreed_to_is_not_ended_by_withdrawing_it(practice: Practice) -> None:
    holder = _party(practice)
    _give(practice, holder, "portal", "openid")
    _take(practice, holder, "given")
    assert _withdraw(practice, holder, "another") is None
    assert _alive(practice) == {"given"}


def test_of_codes_taken_at_the_moment_of_withdrawing_none_gives_anything_afterwards(
    practice: Practice,
) -> None:
    holder = _party(practice)
    _give(practice, holder, "portal", "openid")

    def act(number: int) -> None:
        if number == 3:
            _withdraw(practice, holder)
        else:
            with suppress(LookupError):
                _take(practice, holder, f"grant {number}")

    race(6, act)
    assert _alive(practice) == set()
