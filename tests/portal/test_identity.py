"""What a verified ID token's claims mean, and which ones are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask_relying_party.person import Actor, Assurance, ClaimsRefused, Person, contradicts, read_person

from tests.portal.stand_in import ABSENT, ASSISTANT, DOCTOR, DOCTOR_BY_PASSWORD

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
THEN = int(NOW.timestamp()) - 60
ACT = ASSISTANT["act"]
DELEGATION = ASSISTANT["delegation"]


def read(claims: dict[str, Any], required: Assurance = "pwd") -> Person:
    return read_person(claims, required=required, now=NOW, leeway=timedelta(seconds=30))


def test_a_doctor_is_read_with_either_assurance() -> None:
    assert read({**DOCTOR, "auth_time": THEN}) == Person("p-1", None, "mfa", THEN, "HKLOMTZULT FIFQOE")
    assert read({**DOCTOR_BY_PASSWORD, "auth_time": THEN}).acr == "pwd"


def test_an_assistant_is_read_with_their_own_name() -> None:
    person = read({**ASSISTANT, "auth_time": THEN})
    assert person.actor == Actor("a-1", "NAUDIN Fernand")
    assert person.name == "HKLOMTZULT FIFQOE"


@pytest.mark.parametrize(
    ("base", "changes", "refused"),
    [
        (DOCTOR, {"sub": ABSENT}, "sub"),
        (DOCTOR, {"sub": " "}, "sub"),
        (DOCTOR, {"name": ABSENT}, "name"),
        (DOCTOR, {"name": 7}, "name"),
        (DOCTOR, {"name": "x" * 201}, "name"),
        (DOCTOR, {"acr": ABSENT}, "acr"),
        (DOCTOR, {"acr": "gold"}, "acr"),
        (DOCTOR, {"acr": ["mfa"]}, "acr"),
        (DOCTOR, {"amr": ABSENT}, "amr"),
        (DOCTOR, {"amr": []}, "amr"),
        (DOCTOR, {"amr": "mfa"}, "amr"),
        (DOCTOR, {"amr": [1]}, "amr"),
        (DOCTOR, {"amr": ["pwd"]}, "amr"),
        (DOCTOR_BY_PASSWORD, {"amr": ["pwd", "otp", "mfa"]}, "amr"),
        (DOCTOR, {"auth_time": ABSENT}, "auth_time"),
        (DOCTOR, {"auth_time": True}, "auth_time"),
        (DOCTOR, {"auth_time": str(THEN)}, "auth_time"),
        (DOCTOR, {"auth_time": THEN + 3600}, "auth_time"),
        (DOCTOR, {"delegation": DELEGATION}, "delegation"),
        (ASSISTANT, {"delegation": ABSENT}, "delegation"),
        (ASSISTANT, {"delegation": {"id": "d-1"}}, "delegation"),
        (ASSISTANT, {"delegation": {**DELEGATION, "id": ""}}, "delegation"),
        (ASSISTANT, {"act": None}, "act"),
        (ASSISTANT, {"act": "a-1"}, "act"),
        (ASSISTANT, {"act": {"name": "NAUDIN Fernand"}}, "act"),
        (ASSISTANT, {"act": {"sub": "a-1"}}, "act"),
        (ASSISTANT, {"act": {"sub": "p-1", "name": "NAUDIN Fernand"}}, "act"),
        (ASSISTANT, {"act": {**ACT, "act": {"sub": "a-2", "name": "AUTRE"}}}, "act"),
        (ASSISTANT, {"acr": "pwd", "amr": ["pwd"]}, "act"),
    ],
)
def test_claims_that_prove_too_little_are_refused_by_name(
    base: dict[str, Any], changes: dict[str, Any], refused: str
) -> None:
    claims = {"auth_time": THEN, **base, **changes}
    with pytest.raises(ClaimsRefused) as error:
        read({name: value for name, value in claims.items() if value is not ABSENT})
    assert error.value.args == (refused,)


def test_a_password_is_too_weak_where_two_factors_are_required() -> None:
    with pytest.raises(ClaimsRefused, match="acr"):
        read({**DOCTOR_BY_PASSWORD, "auth_time": THEN}, required="mfa")
    assert read({**DOCTOR, "auth_time": THEN}, required="mfa").acr == "mfa"


@pytest.mark.parametrize(
    ("claims", "userinfo", "contradiction"),
    [
        (DOCTOR, {"sub": "p-1"}, False),
        (DOCTOR, {"sub": "p-2"}, True),
        (DOCTOR, {}, True),
        (DOCTOR, {"sub": "p-1", "act": ACT}, True),
        (ASSISTANT, {"sub": "p-1", "act": ACT}, False),
        (ASSISTANT, {"sub": "p-1"}, False),
        (ASSISTANT, {"sub": "p-1", "act": {"sub": "a-2"}}, True),
        (ASSISTANT, {"sub": "p-1", "act": None}, True),
    ],
)
def test_userinfo_that_speaks_of_somebody_else_is_noticed(
    claims: dict[str, Any], userinfo: dict[str, Any], contradiction: bool
) -> None:
    assert contradicts(read({**claims, "auth_time": THEN}), userinfo) is contradiction
