"""The people of the demo. Names and numbers are those of the slides, or invented; no password is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Seed:
    """One account with its holder, and the assistants who act for them from a first day."""

    identifier: str
    name: str
    profile: str
    activated: bool
    attributes: Mapping[str, object]
    assistants: tuple[tuple[str, date], ...] = field(default=())


PEOPLE: tuple[Seed, ...] = (
    Seed(
        "608349",
        "NOMOCUMO Hyveme",
        "health_professional",
        True,
        {
            "given_name": "Hyveme",
            "family_name": "NOMOCUMO",
            "phone_number": "+33648833828",
            "phone_number_verified": True,
            "matricule_csm": "940034",
            "adeli": "061992780",
        },
        (("NAUDIN Fernand", date(2025, 12, 3)),),
    ),
    Seed(
        "408461",
        "HKLOMTZULT Fifqoe",
        "health_professional",
        False,
        {
            "given_name": "Fifqoe",
            "family_name": "HKLOMTZULT",
            "phone_number": "+33612345678",
            "phone_number_verified": True,
            "matricule_csm": "940071",
            "adeli": "061993416",
        },
    ),
    Seed(
        "730215",
        "MARTIN Camille",
        "insured",
        False,
        {
            "given_name": "Camille",
            "family_name": "MARTIN",
            "middle_name": "Rose",
            "nickname": "Cam",
            "preferred_username": "camille.martin",
            "profile": "https://people.example.org/camille",
            "picture": "https://people.example.org/camille.png",
            "website": "https://camille.example.org",
            "gender": "female",
            "birthdate": "1984-07-21",
            "zoneinfo": "Europe/Monaco",
            "locale": "fr-MC",
            "email": "camille.martin@example.org",
            "email_verified": True,
            "phone_number": "+37799000000",
            "phone_number_verified": True,
            "address": {
                "formatted": "11 rue Louis Notari\n98000 Monaco",
                "street_address": "11 rue Louis Notari",
                "locality": "Monaco",
                "postal_code": "98000",
                "country": "MC",
            },
        },
    ),
)
