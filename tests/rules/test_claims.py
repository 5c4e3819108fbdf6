"""Which attributes of a person are released, what the ``claims`` parameter asks for, and whose names are whose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.rules.assurance import wanted_acr
from idp.rules.claims import (
    MAX_CLAIMS,
    PROTOCOL_CLAIMS,
    STANDARD_SCOPES,
    AskedClaim,
    AskedClaims,
    BadClaims,
    asked_claims,
    released,
    scopes_of,
    without_protocol_claims,
)
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


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_member_names = st.sampled_from(["name", "email", "acr", "sub", "auth_time", "unheard_of"])
_hows = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "essential": st.booleans() | _json,
        "value": _json,
        "values": st.lists(st.sampled_from(["pwd", "mfa", "gold", 1, None]), max_size=3) | _json,
        "purpose": _json,
    },
)
_members = st.dictionaries(_member_names, _hows | _json, max_size=5) | _json
_parameters = st.fixed_dictionaries(
    {}, optional={"userinfo": _members, "id_token": _members, "verified": _json}
).map(json.dumps)


def test_without_the_parameter_nothing_is_asked_for() -> None:
    assert asked_claims(None) == AskedClaims()


def test_each_claim_is_asked_for_in_its_member_by_null_or_by_an_object() -> None:
    asked = _asked(
        userinfo={"name": {"essential": True}, "picture": None, "email": {}},
        id_token={"acr": {"value": "mfa"}, "sub": {"values": ["a", "b"]}, "auth_time": {"essential": False}},
    )
    assert asked.userinfo == {"name": AskedClaim(True), "picture": AskedClaim(), "email": AskedClaim()}
    assert asked.id_token == {
        "acr": AskedClaim(values=("mfa",)),
        "sub": AskedClaim(values=("a", "b")),
        "auth_time": AskedClaim(),
    }


def test_what_is_not_understood_is_ignored() -> None:
    asked = _asked(userinfo={"name": {"essential": True, "purpose": "love"}}, verified_claims=[1, {}])
    assert asked == AskedClaims(userinfo={"name": AskedClaim(True)})


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    "parameter",
    [
        "",
        "[",
        "[]",
        "null",
        '"id_token"',
        "{'userinfo': {}}",
        '{"userinfo": null}',
        '{"userinfo": []}',
        '{"id_token": "acr"}',
        '{"id_token": {"acr": true}}',
        '{"id_token": {"acr": "mfa"}}',
        '{"id_token": {"acr": ["mfa"]}}',
        '{"id_token": {"acr": {"essential": "true"}}}',
        '{"id_token": {"acr": {"essential": null}}}',
        '{"id_token": {"acr": {"values": "mfa"}}}',
        '{"id_token": {"acr": {"values": []}}}',
        '{"id_token": {"acr": {"values": null}}}',
        '{"id_token": {"acr": {"value": null}}}',
        '{"id_token": {"acr": {"value": "mfa", "values": ["pwd"]}}}',
        '{"id_token": {"acr": {"essential": true, "value": "mfa"}, "acr": null}}',
        '{"id_token": {"auth_time": {"value": NaN}}}',
        '{"userinfo": {"name": {"values": [[[[[]]]]]}}}',
        r'{"userinfo": {"\ud800": null}}',
        r'{"id_token": {"acr": {"values": ["pwd", "\udd1e\ud834"]}}}',
        "{" * 4000,
        "[" * 4000 + "]" * 4000,
        json.dumps({"userinfo": {f"claim_{number}": None for number in range(MAX_CLAIMS + 1)}}),
    ],
)
def test_what_is_malformed_too_deep_or_too_much_is_refused(parameter: str) -> None:
    with pytest.raises(BadClaims) as refused:
        asked_claims(parameter)
    assert str(refused.value).isascii()
    assert not set('"\\') & set(str(refused.value))


def test_a_character_written_as_two_escapes_is_taken() -> None:
    asked = asked_claims(r'{"id_token": {"sub": {"value": "\ud834\udd1e"}}}')
    assert asked.subjects == frozenset({"𝄞"})


def test_as_many_claims_as_are_allowed_are_taken() -> None:
    assert (
        len(_asked(userinfo={f"claim_{number}": None for number in range(MAX_CLAIMS)}).userinfo) == MAX_CLAIMS
    )


@NO_DEADLINE
@given(_parameters | st.text(max_size=40))
def test_any_parameter_is_understood_or_refused(parameter: str) -> None:
    try:
        asked = asked_claims(parameter)
    except BadClaims:
        return
    kept = asked.kept({"name", "email", "acr", "sub"}) or {}
    assert all(set(names) <= {"name", "email"} for names in kept.values())
    if asked.essential_acr is not None:
        assert set(asked.acr_values(["pwd", "mfa"])) <= set(asked.essential_acr)


@pytest.mark.attack(29)
@NO_DEADLINE
@given(
    st.lists(st.sampled_from(["pwd", "mfa", "gold"])),
    st.lists(st.sampled_from(["pwd", "mfa", "gold"]), min_size=1),
    st.booleans(),
)
def test_an_essential_level_is_never_traded_for_one_that_was_not_asked_for(
    parameter: list[str], values: list[str], silent: bool
) -> None:
    asked = _asked(id_token={"acr": {"essential": True, "values": values}})
    wanted = wanted_acr(asked.acr_values(parameter), silent=silent)
    assert (wanted is not None) == asked.reachable("pwd")
    assert wanted is None or wanted in values


@pytest.mark.parametrize(
    ("parameter", "acr", "expected"),
    [
        (["pwd"], None, ("pwd",)),
        (["pwd"], {"value": "mfa"}, ("pwd", "mfa")),
        ([], {"values": ["mfa", "pwd"]}, ("mfa", "pwd")),
        (["pwd", "mfa"], {"essential": True, "value": "mfa"}, ("mfa",)),
        (["pwd", "gold"], {"essential": True, "values": ["mfa", "pwd"]}, ("pwd", "mfa")),
        (["pwd"], {"essential": True}, ("pwd",)),
        ([], {"essential": True, "value": 2}, ()),
    ],
)
def test_levels_are_reached_for_in_the_order_asked_and_essential_ones_exclude_others(
    parameter: list[str], acr: dict[str, Any] | None, expected: tuple[str, ...]
) -> None:
    assert _asked(id_token={"acr": acr}).acr_values(parameter) == expected


@pytest.mark.parametrize(
    ("acr", "at_pwd", "at_mfa"),
    [
        (None, True, True),
        ({"essential": True}, True, True),
        ({"value": "gold"}, True, True),
        ({"essential": True, "value": "gold"}, False, False),
        ({"essential": True, "value": 2}, False, False),
        ({"essential": True, "value": "pwd"}, True, False),
        ({"essential": True, "values": ["gold", "mfa"]}, True, True),
    ],
)
def test_an_essential_level_must_be_offered_and_not_below_the_clients_floor(
    acr: dict[str, Any] | None, at_pwd: bool, at_mfa: bool
) -> None:
    asked = _asked(id_token={"acr": acr})
    assert (asked.reachable("pwd"), asked.reachable("mfa")) == (at_pwd, at_mfa)


def test_acr_is_no_claim_of_userinfo() -> None:
    asked = _asked(userinfo={"acr": {"essential": True, "value": "gold"}})
    assert (asked.essential_acr, asked.acr_values([]), asked.reachable("mfa")) == (None, (), True)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"id_token": {"sub": None}}, None),
        ({"id_token": {"sub": {"essential": True}}}, None),
        ({"id_token": {"sub": {"value": "a"}}}, {"a"}),
        ({"userinfo": {"sub": {"value": "a"}}}, {"a"}),
        ({"id_token": {"sub": {"values": ["a", "b"]}}, "userinfo": {"sub": {"value": "b"}}}, {"b"}),
        ({"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}}, set()),
        ({"id_token": {"sub": {"value": 7}}}, set()),
    ],
)
def test_the_subjects_that_will_do(members: dict[str, Any], expected: set[str] | None) -> None:
    assert _asked(**members).subjects == expected


@pytest.mark.attack(39)
def test_kept_are_the_names_that_are_offered_and_never_one_of_the_protocol() -> None:
    asked = _asked(
        userinfo={"name": {"essential": True}, "adeli": None, "act": None}, id_token={"acr": {"value": "mfa"}}
    )
    assert asked.kept({"name", "email", "act", "acr"}) == {"userinfo": ["name"]}
    assert asked.kept({"email"}) is None


def test_claims_belong_to_the_scopes_that_cover_them() -> None:
    assert scopes_of(["name", "email", "act"], STANDARD_SCOPES) == {"profile", "email"}
    assert scopes_of([], STANDARD_SCOPES) == frozenset()


def _asked(**members: Any) -> AskedClaims:
    return asked_claims(json.dumps(members))
