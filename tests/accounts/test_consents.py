"""What somebody agreed that a service is told: each word of one person at one account for one service."""

from __future__ import annotations

from idp.accounts import consents
from idp.accounts.party import Party, party
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
