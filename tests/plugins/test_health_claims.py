"""The scope ``practitioner``."""

from __future__ import annotations

import pytest
from idp_health_claims import PractitionerClaims

from tests.plugins.conftest import MakeSettings

NUMBERS = {"matricule_csm": "12345", "adeli": "980000123"}
DOCTOR = {**NUMBERS, "email": "anne@example.org", "acr": "mfa"}


@pytest.mark.parametrize(
    ("scopes", "attributes", "claims"),
    [
        ({"openid", "practitioner"}, DOCTOR, NUMBERS),
        ({"openid", "profile", "email"}, DOCTOR, {}),
        (set(), DOCTOR, {}),
        ({"practitioner"}, {"adeli": "980000123"}, {"adeli": "980000123"}),
        ({"practitioner"}, {"adeli": None}, {}),
        ({"practitioner"}, {}, {}),
    ],
)
def test_the_numbers_that_the_person_has_are_given_for_the_scope_alone(
    make_settings: MakeSettings, scopes: set[str], attributes: dict[str, object], claims: dict[str, object]
) -> None:
    assert PractitionerClaims(make_settings()).claims(frozenset(scopes), attributes) == claims
