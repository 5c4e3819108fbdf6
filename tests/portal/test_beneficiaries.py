"""The search for a beneficiary."""

from __future__ import annotations

from datetime import date

import pytest
from fse_portal.beneficiaries import FUNDS, find, read_search, seeded

TODAY = date(2026, 1, 13)


def names(**typed: str) -> list[str]:
    found, _ = find(seeded(), read_search(typed, today=TODAY))
    return [person.first_name for person in found]


def test_a_family_is_found_by_rank() -> None:
    assert names(matricule="123456") == ["Camille", "Bastien", "Ninon"]


def test_spaces_in_a_number_do_not_matter() -> None:
    assert names(matricule=" 123 456 ") == ["Camille", "Bastien", "Ninon"]


def test_a_number_is_looked_up_in_the_chosen_fund_only() -> None:
    assert names(matricule="123456", caisse="CAMTI") == []
    assert names(matricule="310904", caisse="CAMTI") == ["Odile", "Gaspard"]


def test_nobody_is_found_before_their_birth() -> None:
    assert names(matricule="310904", caisse="CAMTI", date="2020-12-31") == ["Odile"]


def test_every_fund_has_somebody() -> None:
    assert {person.fund for person in seeded()} == set(FUNDS)


def test_nothing_is_wrong_before_something_was_asked() -> None:
    search = read_search({}, today=TODAY)
    assert (search.asked, search.errors, search.day) == (False, {}, "2026-01-13")
    with pytest.raises(ValueError, match="nothing to search"):
        find(seeded(), search)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"matricule": ""}, "matricule"),
        ({"matricule": "1" * 21}, "matricule"),
        ({"matricule": "1", "caisse": "AUTRE"}, "caisse"),
        ({"matricule": "1", "date": "2026-02-30"}, "date"),
        ({"matricule": "1", "date": ""}, "date"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(typed: dict[str, str], field: str) -> None:
    assert list(read_search(typed, today=TODAY).errors) == [field]


def test_ages_and_exemptions_are_those_of_the_day_of_the_acts() -> None:
    people = {person.first_name: person for person in seeded()}
    leap, anselme = people["Ninon"], people["Anselme"]
    assert (leap.age_on(date(2026, 2, 28)), leap.age_on(date(2026, 3, 1))) == (9, 10)
    assert anselme.has_etm_on(date(2025, 6, 30))
    assert not anselme.has_etm_on(date(2025, 7, 1))
    assert not people["Bastien"].has_etm_on(TODAY)
