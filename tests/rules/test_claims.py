"""Which attributes of a person are released, and that none of them passes for a claim of the protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.claims import PROTOCOL_CLAIMS, STANDARD_SCOPES, released, without_protocol_claims
from tests.rules.situations import NO_DEADLINE

PERSON = {
    "name": "DELPONTE Anne",
    "email": "anne@example.org",
    "email_verified": False,
    "phone_number": None,
    "address": {"locality": "Monaco"},
    "adeli": "980000",
}
_names = st.sampled_from(
    sorted({*PROTOCOL_CLAIMS, *(c for names in STANDARD_SCOPES.values() for c in names)})
)


@pytest.mark.parametrize(
    ("scopes", "claims"),
    [
        ([], set()),
        (["openid"], set()),
        (["openid", "offline_access"], set()),
        (["profile"], {"name"}),
        (["email"], {"email", "email_verified"}),
        (["phone"], set()),
        (["address"], {"address"}),
        (["openid", "profile", "email"], {"name", "email", "email_verified"}),
        (["practitioner"], set()),
        (["name"], set()),
    ],
)
def test_only_what_the_scopes_ask_for_and_the_person_has_is_released(
    scopes: list[str], claims: set[str]
) -> None:
    assert released(scopes, PERSON) == {name: PERSON[name] for name in claims}


@pytest.mark.parametrize(
    "name",
    ["iss", "sub", "aud", "exp", "acr", "amr", "auth_time", "sid", "act", "delegation", "at_hash", "nonce"],
)
def test_the_claims_that_say_who_is_there_belong_to_the_protocol(name: str) -> None:
    assert name in PROTOCOL_CLAIMS


@pytest.mark.attack(39)
@NO_DEADLINE
@given(st.lists(st.sampled_from(sorted(STANDARD_SCOPES))), st.dictionaries(_names, st.text(min_size=1)))
def test_no_attribute_becomes_a_claim_of_the_protocol(scopes: list[str], attributes: dict[str, str]) -> None:
    assert not released(scopes, attributes).keys() & PROTOCOL_CLAIMS
    assert not without_protocol_claims(attributes).keys() & PROTOCOL_CLAIMS


def test_claims_of_no_concern_to_the_protocol_stay_as_they_are() -> None:
    assert without_protocol_claims({**PERSON, "act": {"sub": "me"}, "acr": "mfa"}) == PERSON
