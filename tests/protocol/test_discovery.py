"""OpenID Connect Discovery 1.0 §3 and §4: the document says what is true, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.protocol.answers import body, header_of, redirected_error, tokens
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import ISSUER, Provider, Someone

PATH = "/.well-known/openid-configuration"
ENDPOINTS = {
    "authorization_endpoint": ("GET", 400),
    "token_endpoint": ("POST", 400),
    "userinfo_endpoint": ("GET", 401),
    "jwks_uri": ("GET", 200),
    "end_session_endpoint": ("GET", 303),
}
"""Each endpoint with its answer to a request that says nothing."""


@pytest.fixture
def document(provider: Provider) -> dict[str, Any]:
    return body(provider.http().get(PATH))


def test_the_issuer_is_the_address_before_well_known(document: dict[str, Any]) -> None:
    assert document["issuer"] == ISSUER


def test_the_document_claims_exactly_what_is_switched_on(document: dict[str, Any]) -> None:
    assert set(document) == {
        *ENDPOINTS,
        "issuer",
        "scopes_supported",
        "claims_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "subject_types_supported",
        "acr_values_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "code_challenge_methods_supported",
        "prompt_values_supported",
        "authorization_response_iss_parameter_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "ui_locales_supported",
    }
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query"]
    assert document["subject_types_supported"] == ["public"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_endpoint_is_https_under_the_issuer_and_answers(
    provider: Provider, document: dict[str, Any], name: str
) -> None:
    assert document[name].startswith(f"{ISSUER}/")
    method, expected = ENDPOINTS[name]
    answer = provider.http().open(document[name].removeprefix(ISSUER), method=method)
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("flag", "parameter"),
    [("request_parameter_supported", "request"), ("request_uri_parameter_supported", "request_uri")],
)
def test_what_is_not_supported_is_said_and_refused(
    provider: Provider, document: dict[str, Any], flag: str, parameter: str
) -> None:
    assert document[flag] is False
    visit = provider.browser()
    visit.authorize(**{parameter: "https://open.test/request"})
    assert redirected_error(visit) == f"{parameter}_not_supported"


def test_the_claims_parameter_is_said_to_be_without_effect(
    provider: Provider, document: dict[str, Any], insured: Someone
) -> None:
    assert document["claims_parameter_supported"] is False
    asked = json.dumps({"userinfo": {"email": {"essential": True}}})
    given = tokens(provider, insured, scope="openid", claims=asked)
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub"}


def test_every_advertised_scope_is_granted_where_the_client_file_allows_it(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    granted = {
        word
        for client_id in ("open", "portal")
        for word in tokens(provider, doctor, client_id, scope=_allowed(provider, client_id))["scope"].split()
    }
    assert granted == set(document["scopes_supported"])


def test_every_advertised_claim_is_delivered_and_no_other(
    provider: Provider, document: dict[str, Any], secured: Someone, assistant: Someone, insured: Someone
) -> None:
    delivered: set[str] = set()
    for who, client_id in ((insured, "open"), (secured, "portal"), (assistant, "portal")):
        provider.clock.advance(seconds=60)
        given = tokens(provider, who, client_id, scope=_allowed(provider, client_id))
        delivered |= {*provider.claims(given["id_token"]), *body(provider.userinfo(given["access_token"]))}
    assert delivered == set(document["claims_supported"])
    assert delivered > INSURED_ATTRIBUTES.keys()


def test_every_advertised_acr_is_reached(
    provider: Provider, document: dict[str, Any], doctor: Someone, secured: Someone
) -> None:
    reached = {
        provider.claims(tokens(provider, who, acr_values=acr)["id_token"])["acr"]
        for who, acr in ((doctor, "pwd"), (secured, "mfa"))
    }
    assert reached == set(document["acr_values_supported"])


def test_every_advertised_algorithm_and_authentication_method_is_in_use(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    given = {client_id: tokens(provider, doctor, client_id) for client_id in ("open", "posting", "public")}
    methods = {client.token_endpoint_auth_method for client in provider.parts.clients}
    assert methods == set(document["token_endpoint_auth_methods_supported"])
    assert {provider.parts.clients.get(used).token_endpoint_auth_method for used in given} == methods  # type: ignore[union-attr]
    algorithms = {header_of(one["id_token"])["alg"] for one in given.values()}
    assert algorithms == set(document["id_token_signing_alg_values_supported"])


def test_every_advertised_grant_type_gives_tokens(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    given = tokens(provider, doctor)
    assert body(provider.refresh(given["refresh_token"]))["access_token"]
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token"]


def test_every_advertised_prompt_is_understood(provider: Provider, document: dict[str, Any]) -> None:
    assert document["prompt_values_supported"] == ["none", "login", "select_account"]
    for prompt in document["prompt_values_supported"]:
        visit = provider.browser()
        visit.authorize(prompt=prompt)
        assert (visit.left_for is None) == (prompt != "none")


def test_every_advertised_language_is_spoken(provider: Provider, document: dict[str, Any]) -> None:
    for language in document["ui_locales_supported"]:
        visit = provider.browser()
        visit.authorize(ui_locales=language)
        assert visit.response is not None
        assert f'<html lang="{language}"' in visit.response.text


def test_the_document_may_be_cached_and_read_by_any_page(provider: Provider) -> None:
    answer = provider.http().get(PATH)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


def test_a_document_that_is_known_is_not_sent_again(provider: Provider) -> None:
    etag = provider.http().get(PATH).headers["ETag"]
    known = provider.http().get(PATH, headers={"If-None-Match": etag})
    assert (known.status_code, known.data) == (304, b"")
    other = provider.http().get(PATH, headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


def test_the_document_is_only_read(provider: Provider) -> None:
    assert provider.http().post(PATH).status_code == 405


def _allowed(provider: Provider, client_id: str) -> str:
    client = provider.parts.clients.get(client_id)
    assert client is not None
    return " ".join(sorted(client.scope))
