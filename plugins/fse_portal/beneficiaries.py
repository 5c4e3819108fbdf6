"""The search for a practitioner's beneficiary, over a small set of people who do not exist. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

FUNDS = ("CCSS", "CAR", "CMRC", "CAMTI", "CARTI")
NUMBER_LIMIT = 20


@dataclass(frozen=True)
class Beneficiary:
    """A person covered by a fund; ``etm_until`` is the last day of an exemption from the co-payment."""

    fund: str
    number: str
    sex: str
    last_name: str
    first_name: str
    rank: int
    born: date
    etm_until: date | None = None

    def age_on(self, day: date) -> int:
        """Return the completed years on ``day``."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))

    def has_etm_on(self, day: date) -> bool:
        """Return whether the exemption still runs on ``day``."""
        return self.etm_until is not None and day <= self.etm_until


@dataclass(frozen=True)
class Search:
    """What was typed: shown again as it was, with one sentence a field that cannot be used."""

    day: str
    fund: str
    number: str
    asked: bool
    errors: Mapping[str, str] = field(default_factory=dict)


def read_search(typed: Mapping[str, str], *, today: date) -> Search:
    """Read the form. Nothing is asked, and nothing is wrong, before a ``matricule`` was sent."""
    day = typed.get("date", today.isoformat()).strip()
    fund = typed.get("caisse", FUNDS[0])
    number = "".join(typed.get("matricule", "").split())
    asked = "matricule" in typed
    errors = {}
    if asked:
        if _day(day) is None:
            errors["date"] = "Saisissez une date valide."
        if fund not in FUNDS:
            errors["caisse"] = "Choisissez une caisse de la liste."
        if not number:
            errors["matricule"] = "Saisissez le matricule du bénéficiaire."
        elif len(number) > NUMBER_LIMIT:
            errors["matricule"] = f"Un matricule compte {NUMBER_LIMIT} caractères au plus."
    return Search(day=day, fund=fund, number=number[: NUMBER_LIMIT + 1], asked=asked, errors=errors)


def find(people: Sequence[Beneficiary], search: Search) -> tuple[tuple[Beneficiary, ...], date]:
    """Return who is covered under that number on the day of the acts, by rank, and that day.

    Raises ``ValueError`` for a search with errors, or one that was not asked.
    """
    day = _day(search.day)
    if not search.asked or search.errors or day is None:
        raise ValueError("nothing to search")
    found = [
        person
        for person in people
        if (person.fund, person.number) == (search.fund, search.number) and person.born <= day
    ]
    return tuple(sorted(found, key=lambda person: person.rank)), day


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def seeded() -> tuple[Beneficiary, ...]:
    """Return the demonstration's beneficiaries; every one of them is invented."""
    return (
        Beneficiary("CCSS", "123456", "F", "ROSSIGNEUX", "Camille", 1, date(1979, 4, 18), date(2030, 12, 31)),
        Beneficiary("CCSS", "123456", "M", "ROSSIGNEUX", "Bastien", 2, date(1977, 11, 2)),
        Beneficiary("CCSS", "123456", "F", "ROSSIGNEUX", "Ninon", 3, date(2016, 2, 29)),
        Beneficiary("CCSS", "240781", "M", "VERDELLE", "Anselme", 1, date(1951, 7, 30), date(2025, 6, 30)),
        Beneficiary("CAMTI", "310904", "F", "TAMARIN", "Odile", 1, date(1988, 9, 12)),
        Beneficiary("CAMTI", "310904", "M", "TAMARIN", "Gaspard", 2, date(2021, 1, 5)),
        Beneficiary("CAR", "518220", "M", "MIRABEL", "Lazare", 1, date(1943, 3, 8), date(2031, 3, 31)),
        Beneficiary("CMRC", "607115", "F", "OLIVARI", "Solange", 1, date(1965, 12, 24)),
        Beneficiary("CARTI", "774032", "F", "CASTELNOU", "Irène", 1, date(1949, 5, 1)),
    )
