"""OpenID Connect Core §5.3, §5.4: claims by scope, of the person alone, never one of the protocol's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from idp.app import create_app
from idp.clients.registry import ClientRegistry
from idp.oidc.keys.signing import ALGORITHMS
from idp.rules.claims import PROTOCOL_CLAIMS, STANDARD_SCOPES
from tests.protocol.answers import body, header_of, redirected_error, refused, tokens
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import ISSUER, Provider, Someone

PATH = "/oauth2/userinfo"
LIES: Mapping[str, object] = {
    **dict.fromkeys(PROTOCOL_CLAIMS, "a lie"),
    "acr": "mfa",
    "amr": ["pwd", "otp", "mfa"],
    "act": {"sub": "somebody", "name": "NAUDIN Fernand"},
    "auth_time": 1,
}
"""Attributes of a person that would speak for the protocol."""


class LyingClaims:
    """A claims plugin that brings them all, and one honest claim."""

    scopes: Mapping[str, tuple[str, ...]] = {"practitioner": ("matricule_csm", "adeli")}

    def claims(self, scopes: frozenset[str], attributes: Mapping[str, object]) -> Mapping[str, object]:
        return {**LIES, "matricule_csm": "408461"}


@pytest.mark.parametrize("scope", ["profile", "email", "phone", "address"])
def test_each_scope_gives_its_claims_and_no_other(provider: Provider, insured: Someone, scope: str) -> None:
    told = _told(provider, insured, f"openid {scope}")
    assert told == {"sub": told["sub"], **{name: INSURED_ATTRIBUTES[name] for name in STANDARD_SCOPES[scope]}}


def test_profile_is_fourteen_claims(provider: Provider, insured: Someone) -> None:
    told = _told(provider, insured, "openid profile")
    assert len(told) == 1 + 14
    assert isinstance(told["updated_at"], int)


def test_what_was_verified_is_said_by_booleans(provider: Provider, insured: Someone) -> None:
    told = _told(provider, insured, "openid email phone")
    assert (told["email_verified"], told["phone_number_verified"]) == (True, False)


def test_address_is_structured(provider: Provider, insured: Someone) -> None:
    assert _told(provider, insured, "openid address")["address"]["locality"] == "Monaco"


def test_all_scopes_together_give_everything(provider: Provider, insured: Someone) -> None:
    told = _told(provider, insured, "openid profile email phone address offline_access")
    assert {name: value for name, value in told.items() if name != "sub"} == INSURED_ATTRIBUTES


def test_openid_alone_gives_the_subject_alone(provider: Provider, insured: Someone) -> None:
    assert set(_told(provider, insured, "openid")) == {"sub"}


def test_what_a_person_lacks_is_left_out(provider: Provider, doctor: Someone) -> None:
    told = _told(provider, doctor, "openid profile email phone address")
    assert told == {"sub": told["sub"], "name": "Claire Moretti"}


def test_the_subject_is_that_of_the_id_token(provider: Provider, secured: Someone) -> None:
    given = tokens(provider, secured)
    claims = provider.claims(given["id_token"])
    assert body(provider.userinfo(given["access_token"]))["sub"] == claims["sub"]


def test_who_acts_is_told(provider: Provider, assistant: Someone) -> None:
    given = tokens(provider, assistant)
    told, claims = body(provider.userinfo(given["access_token"])), provider.claims(given["id_token"])
    assert {name: told[name] for name in ("sub", "act", "delegation")} == {
        name: claims[name] for name in ("sub", "act", "delegation")
    }
    assert told["name"] == "Claire Moretti"


@pytest.mark.attack(39)
def test_attributes_that_speak_for_the_protocol_are_dropped(provider: Provider) -> None:
    liar = provider.add("liar", "Menteur", attributes={**LIES, "email": "liar@test.test"})
    given = tokens(provider, liar, scope="openid profile email")
    told = body(provider.userinfo(given["access_token"]))
    assert told == {"sub": told["sub"], "name": "Menteur", "email": "liar@test.test"}
    claims = provider.claims(given["id_token"])
    assert (claims["acr"], claims["amr"], claims["sub"]) == ("pwd", ["pwd"], told["sub"])
    assert "act" not in claims


@pytest.mark.attack(39)
def test_a_claims_plugin_cannot_speak_for_the_protocol(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = replace(provider.parts.plugins, claims=(LyingClaims(),))
    app = create_app(provider.settings, replace(provider.parts, plugins=plugins))
    monkeypatch.setattr(provider, "app", app)
    given = tokens(provider, doctor, "portal", scope="openid practitioner")
    told = body(provider.userinfo(given["access_token"]))
    assert told == {"sub": provider.claims(given["id_token"])["sub"], "matricule_csm": "408461"}
    assert provider.claims(given["access_token"])["acr"] == "pwd"


def test_the_practitioners_numbers_are_for_the_client_whose_file_allows_them(
    provider: Provider, secured: Someone
) -> None:
    given = tokens(provider, secured, "portal", scope="openid practitioner")
    told = body(provider.userinfo(given["access_token"]))
    assert {name: told[name] for name in ("matricule_csm", "adeli")} == {
        "matricule_csm": "408461",
        "adeli": "069912345",
    }
    visit = provider.browser()
    visit.authorize("open", scope="openid practitioner")
    assert redirected_error(visit) == "invalid_scope"


def test_without_the_practitioner_scope_the_numbers_stay_here(provider: Provider, secured: Someone) -> None:
    given = tokens(provider, secured, "portal", scope="openid profile")
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub", "name"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_and_post_are_answered_and_nobody_may_store_the_answer(
    provider: Provider, doctor: Someone, method: str
) -> None:
    token = tokens(provider, doctor)["access_token"]
    answer = provider.http().open(PATH, method=method, headers={"Authorization": f"Bearer {token}"})
    assert body(answer)["name"] == "Claire Moretti"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_other_methods_are_refused(provider: Provider) -> None:
    assert provider.http().put(PATH).status_code == 405
    assert provider.http().delete(PATH).status_code == 405


def test_the_name_of_the_scheme_has_no_case(provider: Provider, doctor: Someone) -> None:
    token = tokens(provider, doctor)["access_token"]
    answer = provider.http().get(PATH, headers={"Authorization": f"bEARER {token}"})
    assert answer.status_code == 200


def test_without_the_scope_openid_the_token_is_not_enough(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    narrow = body(provider.refresh(first, scope="profile"))
    answer = provider.userinfo(narrow["access_token"])
    assert refused(answer, 403) == "insufficient_scope"
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]


def test_a_client_that_wants_them_signed_gets_them_signed(provider: Provider, assistant: Someone) -> None:
    given = tokens(provider, assistant, "signing")
    answer = provider.userinfo(given["access_token"])
    assert (answer.status_code, answer.content_type) == (200, "application/jwt")
    assert answer.headers["Cache-Control"] == "no-store"
    told, claims = provider.claims(answer.text), provider.claims(given["id_token"])
    assert header_of(answer.text)["alg"] == "ES256"
    assert told == {
        "iss": ISSUER,
        "aud": "signing",
        "name": "Claire Moretti",
        **{name: claims[name] for name in ("sub", "act", "delegation")},
    }


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_signs(
    provider: Provider, doctor: Someone, alg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = provider.parts.clients.get("signing")
    assert client is not None
    other = client.model_copy(update={"userinfo_signed_response_alg": alg})
    known = ClientRegistry.get
    monkeypatch.setattr(
        ClientRegistry, "get", lambda self, name: other if name == "signing" else known(self, name)
    )
    answer = provider.userinfo(tokens(provider, doctor, "signing")["access_token"])
    assert header_of(answer.text)["alg"] == alg
    assert provider.claims(answer.text)["aud"] == "signing"


@pytest.mark.attack(38)
def test_signed_claims_pass_for_no_token(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    signed = provider.userinfo(tokens(provider, doctor, "signing", visit)["access_token"]).text
    assert provider.userinfo(signed).status_code == 401
    visit.authorize("signing", id_token_hint=signed)
    assert redirected_error(visit, "signing") == "invalid_request"


def test_a_page_of_any_origin_may_ask_and_read_why_it_was_refused(
    provider: Provider, doctor: Someone
) -> None:
    asked = {
        "Origin": "https://page.test",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    allowed = provider.http().options(PATH, headers=asked)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Headers"] == "Authorization"
    for answer in (
        allowed,
        provider.http().get(PATH, headers={"Origin": "https://page.test"}),
        provider.userinfo(tokens(provider, doctor)["access_token"]),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_session_alone_is_no_token(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    assert visit.client.get(PATH, base_url=ISSUER).status_code == 401


def test_a_token_of_a_disabled_account_gives_nothing(provider: Provider, doctor: Someone) -> None:
    token = tokens(provider, doctor)["access_token"]
    provider.disable(doctor)
    assert provider.userinfo(token).status_code == 401


def test_a_token_of_a_removed_assistant_gives_nothing(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    token = tokens(provider, assistant)["access_token"]
    provider.remove_assistant(secured, assistant.name)
    assert provider.userinfo(token).status_code == 401


def _told(provider: Provider, who: Someone, scope: str) -> dict[str, Any]:
    return body(provider.userinfo(tokens(provider, who, scope=scope)["access_token"]))
