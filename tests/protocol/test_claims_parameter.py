"""OpenID Connect Core §5.5: claims asked for one by one, for ID token and userinfo; ``acr`` and ``sub`` by value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from idp.storage.schema import token_grant
from tests.protocol.answers import activate, body, redirected_error, tokens
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.protocol.test_id_token import ALWAYS
from tests.provider import Provider, Someone, Visit

ESSENTIAL = {"essential": True}


def asking(**members: Any) -> str:
    """Return the parameter."""
    return json.dumps(members)


def essential_acr(*values: object) -> str:
    """Return the parameter that demands one of these levels."""
    return asking(id_token={"acr": {"essential": True, "values": list(values)}})


def test_an_essential_name_from_userinfo_is_delivered_there_alone(
    provider: Provider, insured: Someone
) -> None:
    given = tokens(provider, insured, scope="openid", claims=asking(userinfo={"name": ESSENTIAL}))
    told = body(provider.userinfo(given["access_token"]))
    assert told == {"sub": told["sub"], "name": "Marie Anne Durand"}
    assert set(provider.claims(given["id_token"])) == ALWAYS


def test_claims_for_the_id_token_are_delivered_there_alone(provider: Provider, insured: Someone) -> None:
    asked = asking(id_token={"email": None, "email_verified": ESSENTIAL, "address": {"value": "anywhere"}})
    given = tokens(provider, insured, scope="openid", claims=asked)
    claims = provider.claims(given["id_token"])
    names = {"email", "email_verified", "address"}
    assert set(claims) == ALWAYS | names
    assert {name: claims[name] for name in names} == {name: INSURED_ATTRIBUTES[name] for name in names}
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub"}


def test_they_come_beside_what_the_scope_gives(provider: Provider, insured: Someone) -> None:
    given = tokens(provider, insured, scope="openid phone", claims=asking(userinfo={"nickname": None}))
    told = body(provider.userinfo(given["access_token"]))
    assert set(told) == {"sub", "phone_number", "phone_number_verified", "nickname"}


def test_each_refresh_delivers_the_same(provider: Provider, insured: Someone) -> None:
    asked = asking(userinfo={"gender": None}, id_token={"name": None})
    given = tokens(provider, insured, scope="openid offline_access", claims=asked)
    for _ in range(2):
        provider.clock.advance(seconds=60)
        given = body(provider.refresh(given["refresh_token"]))
        assert provider.claims(given["id_token"])["name"] == "Marie Anne Durand"
        assert set(body(provider.userinfo(given["access_token"]))) == {"sub", "gender"}


def test_of_an_assistant_they_are_the_practitioners(provider: Provider, assistant: Someone) -> None:
    asked = asking(id_token={"name": None}, userinfo={"name": None})
    given = tokens(provider, assistant, scope="openid", claims=asked)
    for told in (provider.claims(given["id_token"]), body(provider.userinfo(given["access_token"]))):
        assert (told["name"], told["act"]["name"]) == ("Claire Moretti", "NAUDIN Fernand")


def test_a_claims_plugins_claims_can_be_asked_for(provider: Provider, secured: Someone) -> None:
    asked = asking(id_token={"adeli": ESSENTIAL}, userinfo={"matricule_csm": None})
    given = tokens(provider, secured, "portal", scope="openid", claims=asked)
    claims, told = provider.claims(given["id_token"]), body(provider.userinfo(given["access_token"]))
    assert (claims["adeli"], "matricule_csm" in claims) == ("069912345", False)
    assert told == {"sub": claims["sub"], "matricule_csm": "408461"}


def test_what_no_scope_of_the_clients_file_covers_is_not_told(provider: Provider, secured: Someone) -> None:
    for client_id, asked in (("open", "adeli"), ("portal", "email"), ("plain", "email")):
        parameter = asking(userinfo={asked: ESSENTIAL}, id_token={asked: ESSENTIAL})
        provider.clock.advance(seconds=60)
        given = tokens(provider, secured, client_id, scope="openid", claims=parameter)
        assert asked not in provider.claims(given["id_token"])
        assert set(body(provider.userinfo(given["access_token"]))) == {"sub"}


def test_what_the_person_lacks_is_left_out_even_if_essential(provider: Provider, doctor: Someone) -> None:
    asked = asking(userinfo={"email": ESSENTIAL}, id_token={"birthdate": ESSENTIAL})
    given = tokens(provider, doctor, scope="openid", claims=asked)
    assert set(provider.claims(given["id_token"])) == ALWAYS
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub"}


@pytest.mark.attack(39)
def test_no_claim_of_the_protocol_comes_from_an_attribute(provider: Provider) -> None:
    lies = {"acr": "mfa", "act": {"sub": "x"}, "auth_time": 1, "delegation": {}, "sid": "s", "scope": "all"}
    liar = provider.add("liar", "Menteur", attributes=lies)
    member = {**dict.fromkeys(lies), "name": None}
    given = tokens(provider, liar, scope="openid", claims=asking(id_token=member, userinfo=member))
    claims, told = provider.claims(given["id_token"]), body(provider.userinfo(given["access_token"]))
    assert set(claims) == ALWAYS | {"name"}
    assert (claims["acr"], claims["auth_time"] == 1, claims["sid"] == "s") == ("pwd", False, False)
    assert set(told) == {"sub", "name"}


def test_an_essential_auth_time_is_delivered(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor, claims=asking(id_token={"auth_time": ESSENTIAL}))
    assert isinstance(provider.claims(given["id_token"])["auth_time"], int)


def test_what_is_not_understood_is_ignored_and_not_kept(provider: Provider, doctor: Someone) -> None:
    asked = asking(
        userinfo={"name": {"essential": True, "purpose": "x"}, "unheard_of": None, "adeli": None},
        id_token={"name#fr": None, "acr": {"values": ["gold"]}},
        verified_claims={"a": [1]},
    )
    given = tokens(provider, doctor, scope="openid", claims=asked)
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub", "name"}
    with provider.parts.database.read() as connection:
        kept = connection.execute(
            select(token_grant.c.claims).order_by(token_grant.c.created_at.desc())
        ).scalars()
        assert {"userinfo": ["name"]} in list(kept)


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    "claims",
    [
        "banana",
        "[]",
        '{"userinfo": null}',
        '{"id_token": {"acr": "mfa"}}',
        '{"id_token": {"acr": {"essential": "yes"}}}',
        '{"id_token": {"acr": {"essential": true, "values": []}}}',
        '{"id_token": {"name": null}, "id_token": {}}',
        r'{"id_token": {"sub": {"value": "\ud800"}}}',
        r'{"userinfo": {"\udfff": null}}',
        "[" * 3000,
    ],
)
def test_a_malformed_parameter_is_told_to_the_client(
    provider: Provider, doctor: Someone, claims: str
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(claims=claims)
    assert redirected_error(visit) == "invalid_request"


@pytest.mark.attack(29)
@pytest.mark.parametrize("parameter", [None, "pwd", "unheard_of", "pwd mfa"])
def test_an_essential_level_steps_a_password_session_up_whatever_acr_values_prefer(
    provider: Provider, doctor: Someone, parameter: str | None
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(claims=essential_acr("mfa"), acr_values=parameter)
    assert visit.step == "activation"
    activate(visit)
    assert _claims(provider, visit)["acr"] == "mfa"


@pytest.mark.attack(29)
@pytest.mark.parametrize("values", [["mfa"], ["gold", "mfa"]])
def test_an_essential_level_that_a_session_lacks_is_said_where_nobody_may_be_asked(
    provider: Provider, doctor: Someone, values: list[str]
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(claims=essential_acr(*values), prompt="none")
    assert redirected_error(visit) == "unmet_authentication_requirements"


@pytest.mark.attack(29)
@pytest.mark.parametrize("values", [["gold"], [2], ["MFA", "gold"]])
@pytest.mark.parametrize("prompt", [None, "none", "login"])
def test_an_essential_level_that_is_not_offered_is_refused_at_once(
    provider: Provider, secured: Someone, values: list[object], prompt: str | None
) -> None:
    visit = provider.browser()
    visit.authorize(claims=essential_acr(*values), prompt=prompt, acr_values="mfa")
    assert redirected_error(visit) == "unmet_authentication_requirements"


def test_an_essential_level_below_the_clients_floor_is_refused_at_once(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize("strict", claims=essential_acr("pwd"))
    assert redirected_error(visit, "strict") == "unmet_authentication_requirements"


@pytest.mark.parametrize("prompt", [None, "none"])
def test_an_essential_level_is_that_level_and_not_a_higher_one(
    provider: Provider, secured: Someone, prompt: str | None
) -> None:
    visit = _signed_in(provider, secured)
    visit.authorize(claims=essential_acr("pwd"), prompt=prompt)
    assert redirected_error(visit) == "unmet_authentication_requirements"
    visit.authorize(claims=essential_acr("pwd", "mfa"), prompt=prompt)
    assert _claims(provider, visit)["acr"] == "mfa"


@pytest.mark.attack(29)
def test_a_password_alone_reaches_no_essential_second_factor(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.authorize(claims=essential_acr("mfa"))
    visit.identify(doctor)
    assert visit.step == "activation"


@pytest.mark.parametrize(
    ("acr", "step"),
    [
        ({"value": "mfa"}, "activation"),
        ({"values": ["mfa", "pwd"]}, "activation"),
        ({"values": ["pwd", "mfa"]}, None),
        ({"values": ["gold"]}, None),
        (ESSENTIAL, None),
        (None, None),
    ],
)
def test_a_voluntary_level_is_reached_for_like_acr_values(
    provider: Provider, doctor: Someone, acr: dict[str, Any] | None, step: str | None
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(claims=asking(id_token={"acr": acr}))
    if step is None:
        assert _claims(provider, visit)["acr"] == "pwd"
    else:
        assert visit.step == step


@pytest.mark.parametrize("member", ["id_token", "userinfo"])
@pytest.mark.parametrize("client_id", ["open", "twin"])
@pytest.mark.parametrize("prompt", [None, "none"])
def test_the_subject_asked_for_gets_a_code(
    provider: Provider, doctor: Someone, member: str, client_id: str, prompt: str | None
) -> None:
    visit = provider.browser()
    sub = provider.claims(tokens(provider, doctor, client_id, visit)["id_token"])["sub"]
    visit.authorize(client_id, claims=asking(**{member: {"sub": {"value": sub}}}), prompt=prompt)
    assert _claims(provider, visit, client_id)["sub"] == sub


@pytest.mark.attack(29)
@pytest.mark.parametrize("client_id", ["open", "twin"])
@pytest.mark.parametrize("prompt", [None, "none"])
def test_anybody_else_is_refused(
    provider: Provider, doctor: Someone, insured: Someone, client_id: str, prompt: str | None
) -> None:
    sub = provider.claims(tokens(provider, doctor, client_id)["id_token"])["sub"]
    visit = _signed_in(provider, insured, client_id)
    for value in (sub, "", 7, [sub]):
        visit.authorize(client_id, claims=asking(id_token={"sub": {"value": value}}), prompt=prompt)
        assert redirected_error(visit, client_id) == "login_required"


@pytest.mark.attack(29)
def test_who_signs_in_must_be_the_subject_asked_for(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    sub = provider.claims(tokens(provider, doctor)["id_token"])["sub"]
    for who, expected in ((insured, False), (doctor, True)):
        visit = provider.browser()
        visit.authorize(claims=asking(id_token={"sub": {"values": ["another", sub]}}))
        visit.identify(who)
        if expected:
            assert _claims(provider, visit)["sub"] == sub
        else:
            assert redirected_error(visit) == "login_required"


def test_another_sectors_subject_is_nobody_here(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    public = provider.claims(tokens(provider, doctor, visit=visit)["id_token"])["sub"]
    visit.authorize("twin", claims=asking(id_token={"sub": {"value": public}}), prompt="none")
    assert redirected_error(visit, "twin") == "login_required"


def _signed_in(provider: Provider, who: Someone, client_id: str = "open") -> Visit:
    visit = provider.browser()
    visit.sign_in(who, client_id)
    return visit


def _claims(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    """Return the ID token behind the code that the browser just carried."""
    return provider.claims(body(provider.redeem(visit.answer["code"], client_id))["id_token"])
