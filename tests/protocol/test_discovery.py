"""OpenID Connect Discovery 1.0 §3 and §4: the document says what is true, and nothing more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from idp.app import create_app
from idp.clients.model import TOKEN_EXCHANGE, Client
from idp.clients.registry import ClientRegistry
from idp.oidc.keys.signing import ALGORITHMS
from tests.protocol.answers import body, header_of, redirected_error, token_error, tokens
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import ISSUER, Provider, Someone, redirect_uri

PATH = "/.well-known/openid-configuration"
OAUTH_PATH = "/.well-known/oauth-authorization-server"
METHODS = {
    "client_secret_basic": "open",
    "client_secret_post": "posting",
    "private_key_jwt": "asserting",
    "none": "public",
}
"""A client of each authentication method."""

ANYTHING = {"token": "a", "grant_type": "refresh_token"}
"""Enough for an endpoint to look at who asks."""

SIGNED = {
    "token_endpoint_auth_method": "none",
    "scope": ["openid", "profile", "offline_access"],
    "profiles": ["health_professional"],
    "mfa": "optional",
}

ENDPOINTS = {
    "authorization_endpoint": ("GET", 400),
    "token_endpoint": ("POST", 400),
    "userinfo_endpoint": ("GET", 401),
    "introspection_endpoint": ("POST", 400),
    "revocation_endpoint": ("POST", 400),
    "jwks_uri": ("GET", 200),
    "end_session_endpoint": ("GET", 303),
}
"""Each endpoint with its answer to a request that says nothing."""


@pytest.fixture(scope="module")
def shared_provider(shared_provider: Provider) -> Provider:
    """Add clients for what no other test needs: every scope of an API, and each signature of userinfo."""
    known = {client.client_id: client for client in shared_provider.parts.clients}
    apis = [client for client in known.values() if client.resource_identifier is not None]
    everything = {
        "client_id": "everything",
        "grant_types": frozenset({"client_credentials", TOKEN_EXCHANGE}),
        "scope": frozenset().union(*(client.resource_scopes for client in apis)),
        "resources": tuple(client.resource_identifier for client in apis),
    }
    known["everything"] = known["machine"].model_copy(update=everything)
    for alg in ALGORITHMS:
        client_id = f"signed-{alg.lower()}"
        file = {
            "client_id": client_id,
            "name": client_id,
            "redirect_uris": [redirect_uri(client_id)],
            **SIGNED,
        }
        known[client_id] = Client.model_validate({**file, "userinfo_signed_response_alg": alg})
    shared_provider.parts = replace(shared_provider.parts, clients=ClientRegistry(known.values()))
    shared_provider.app = create_app(shared_provider.settings, shared_provider.parts)
    return shared_provider


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
        "claim_types_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "subject_types_supported",
        "acr_values_supported",
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "prompt_values_supported",
        "authorization_response_iss_parameter_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "ui_locales_supported",
    }
    assert document["response_types_supported"] == ["code"]
    assert document["claim_types_supported"] == ["normal"]
    assert document["response_modes_supported"] == ["query", "form_post"]
    assert document["subject_types_supported"] == ["public", "pairwise"]
    assert document["acr_values_supported"] == ["pwd", "mfa"]
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


def test_the_claims_parameter_is_said_to_be_understood_and_is(
    provider: Provider, document: dict[str, Any], insured: Someone
) -> None:
    assert document["claims_parameter_supported"] is True
    asked = json.dumps({"userinfo": {"email": {"essential": True}}})
    given = tokens(provider, insured, scope="openid", claims=asked)
    assert set(body(provider.userinfo(given["access_token"]))) == {"sub", "email"}


def test_every_advertised_scope_is_granted_where_the_client_file_allows_it(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    granted = {
        word
        for client_id in ("open", "portal", "managing")
        for word in tokens(provider, doctor, client_id, scope=_allowed(provider, client_id))["scope"].split()
    }
    for client in provider.parts.clients:
        if client.resource_identifier is not None:
            asked = {"grant_type": "client_credentials", "resource": client.resource_identifier}
            granted |= set(body(provider.token(asked, "everything"))["scope"].split())
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
    used_by = ("open", "posting", "asserting", "public", "salted", "edwards")
    given = {client_id: tokens(provider, doctor, client_id) for client_id in used_by}
    methods = {client.token_endpoint_auth_method for client in provider.parts.clients}
    assert methods == set(document["token_endpoint_auth_methods_supported"])
    assert {provider.parts.clients.get(used).token_endpoint_auth_method for used in given} == methods  # type: ignore[union-attr]
    algorithms = {header_of(one["id_token"])["alg"] for one in given.values()}
    assert algorithms == set(document["id_token_signing_alg_values_supported"])


def test_every_advertised_grant_type_gives_tokens_and_no_other_is_known(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    given = tokens(provider, doctor)
    own = body(provider.token({"grant_type": "client_credentials"}, "everything"))
    exchange = {
        "subject_token": own["access_token"],
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "records",
    }
    refused = provider.token({"grant_type": TOKEN_EXCHANGE, **exchange}, "everything")
    assert token_error(refused) == "invalid_request"
    assert body(provider.refresh(given["refresh_token"]))["access_token"]
    assert document["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        TOKEN_EXCHANGE,
    ]
    for other in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        assert token_error(provider.token({"grant_type": other})) == "unsupported_grant_type"


@pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
def test_every_advertised_way_to_prove_who_one_is_is_taken_and_no_other(
    provider: Provider, document: dict[str, Any], endpoint: str
) -> None:
    methods = set(document[f"{endpoint}_endpoint_auth_methods_supported"])
    path = document[f"{endpoint}_endpoint"].removeprefix(ISSUER)
    taken = {
        method
        for method, client_id in METHODS.items()
        if provider.as_client(path, ANYTHING, client_id).status_code != 401
    }
    assert taken == methods
    algorithms = document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
    assert algorithms == document["id_token_signing_alg_values_supported"]


def test_every_advertised_algorithm_signs_userinfo(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    for alg in document["userinfo_signing_alg_values_supported"]:
        given = tokens(provider, doctor, f"signed-{alg.lower()}")
        told = provider.userinfo(given["access_token"])
        assert told.content_type == "application/jwt"
        assert header_of(told.text)["alg"] == alg
        assert provider.claims(told.text)["sub"]


def test_every_advertised_kind_of_subject_is_given(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    public, other, pairwise = (
        provider.claims(tokens(provider, doctor, client_id)["id_token"])["sub"]
        for client_id in ("open", "public", "twin")
    )
    assert public == other != pairwise
    assert document["subject_types_supported"] == ["public", "pairwise"]


def test_every_advertised_response_mode_carries_the_code_and_no_other_does(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    for mode in document["response_modes_supported"]:
        visit.authorize(response_mode=mode)
        where = visit.left_for if mode == "query" else visit.response.text if visit.response else ""
        assert where is not None
        assert "code" in where
    for other in ("fragment", "jwt", "query.jwt"):
        visit.authorize(response_mode=other)
        assert redirected_error(visit) == "invalid_request"


def test_every_advertised_challenge_method_is_taken_and_no_other(
    provider: Provider, document: dict[str, Any], doctor: Someone
) -> None:
    for method in document["code_challenge_methods_supported"]:
        assert tokens(provider, doctor, code_challenge_method=method)["access_token"]
    visit = provider.browser()
    visit.authorize(code_challenge_method="plain")
    assert redirected_error(visit) == "invalid_request"


def test_every_advertised_prompt_is_understood(provider: Provider, document: dict[str, Any]) -> None:
    assert document["prompt_values_supported"] == ["none", "login", "select_account", "consent"]
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


def test_who_knows_oauth_alone_reads_the_same_document(provider: Provider) -> None:
    """RFC 8414 §3: an address of its own; members that it does not define are left alone by who reads it."""
    assert provider.http().get(OAUTH_PATH).data == provider.http().get(PATH).data


@pytest.mark.parametrize("path", [PATH, OAUTH_PATH])
def test_the_document_may_be_cached_and_read_by_any_page(provider: Provider, path: str) -> None:
    answer = provider.http().get(path)
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
