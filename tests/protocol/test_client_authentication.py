"""RFC 6749 §2.3, RFC 9700 §2.5: exactly one way to authenticate, and the one of the client's file."""

from __future__ import annotations

import base64
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import create_app
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.oidc.client_authentication.assertion import ASSERTION_TYPE
from tests.assertions import asserted
from tests.protocol.answers import body, token_error, tokens
from tests.provider import CLIENT_SECRET, Provider, Someone

GRANT = {"grant_type": "refresh_token", "refresh_token": "no-such-token"}
SECRET = {"client_secret": CLIENT_SECRET}


def _header(credentials: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return _header(f"{client_id}:{secret}".encode())


@pytest.mark.parametrize("client_id", ["open", "posting", "asserting", "public"])
def test_the_registered_method_is_accepted(provider: Provider, doctor: Someone, client_id: str) -> None:
    given = tokens(provider, doctor, client_id)
    assert body(provider.refresh(given["refresh_token"], client_id))["access_token"]


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({}, {"client_id": ""}),
        ({}, {"client_id": "open"}),
        ({}, {"client_id": "open", **SECRET}),
        ({}, {"client_id": "posting"}),
        (basic("posting", CLIENT_SECRET), {}),
        (basic("public", CLIENT_SECRET), {}),
        (basic("public", ""), {}),
        ({}, {"client_id": "public", **SECRET}),
        ({}, {"client_id": "posting", "client_secret": "wrong"}),
        (basic("open", "wrong"), {}),
        (basic("open", ""), {}),
        (basic("open", CLIENT_SECRET + " "), {}),
        (basic("open", CLIENT_SECRET.upper()), {}),
        (basic("OPEN", CLIENT_SECRET), {}),
        (basic("unheard_of", CLIENT_SECRET), {}),
        (basic("", CLIENT_SECRET), {}),
        ({}, {"client_id": "unheard_of"}),
        ({}, {"client_id": "unheard_of", **SECRET}),
        ({}, {"client_id": "é\x00\ud83d", **SECRET}),
        ({}, {"client_id": "asserting"}),
        ({}, {"client_id": "asserting", **SECRET}),
        (basic("asserting", CLIENT_SECRET), {}),
        (basic("asserting", ""), {}),
    ],
)
def test_another_method_a_wrong_secret_or_an_unknown_client_gets_one_same_refusal(
    provider: Provider, headers: dict[str, str], form: dict[str, str]
) -> None:
    refused = _asked(provider, headers, {**GRANT, **_encodable(form)})
    assert token_error(refused, 401) == "invalid_client"
    assert refused.get_json()["error_description"] == "client authentication failed"
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith('Basic realm="')
    assert CLIENT_SECRET not in refused.text + challenge


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic b3Blbg==",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(f"open:{CLIENT_SECRET}".encode()).decode().rstrip("=") + "=====",
        "Basic " + base64.b64encode(b"open:" + b"s" * 4096).decode(),
        f"Basic open:{CLIENT_SECRET}",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Digest username=open",
        "banana",
    ],
)
def test_a_malformed_header_is_refused(provider: Provider, value: str) -> None:
    assert token_error(_asked(provider, {"Authorization": value}, GRANT), 401) == "invalid_client"


def test_the_scheme_has_no_case(provider: Provider) -> None:
    value = basic("open", CLIENT_SECRET)["Authorization"].replace("Basic", "bASIC")
    assert token_error(_asked(provider, {"Authorization": value}, GRANT)) == "invalid_grant"


@pytest.mark.parametrize("client_id", ["open", "posting"])
def test_two_methods_in_one_request_are_refused_though_each_is_right(
    provider: Provider, client_id: str
) -> None:
    form = {**GRANT, "client_id": client_id, **SECRET}
    assert token_error(_asked(provider, basic(client_id, CLIENT_SECRET), form)) == "invalid_request"


def test_two_identifiers_in_one_request_are_refused(provider: Provider) -> None:
    form = {**GRANT, "client_id": "public"}
    assert token_error(_asked(provider, basic("open", CLIENT_SECRET), form)) == "invalid_request"


def test_the_same_identifier_may_also_stand_in_the_body(provider: Provider) -> None:
    form = {**GRANT, "client_id": "open"}
    assert token_error(_asked(provider, basic("open", CLIENT_SECRET), form)) == "invalid_grant"


def test_empty_credentials_in_the_body_are_as_absent_ones(provider: Provider) -> None:
    empty = {"client_id": "", "client_secret": ""}
    assert token_error(_asked(provider, basic("open", CLIENT_SECRET), {**GRANT, **empty})) == "invalid_grant"
    public = {**GRANT, "client_id": "public", "client_secret": ""}
    assert token_error(_asked(provider, {}, public)) == "invalid_grant"


def test_credentials_in_the_address_do_not_count(provider: Provider) -> None:
    path = f"/oauth2/token?client_id=posting&client_secret={CLIENT_SECRET}"
    assert token_error(provider.http().post(path, data=GRANT)) == "invalid_request"


def test_identifier_and_secret_of_the_header_are_form_encoded(provider: Provider) -> None:
    secret = "päss:word +%&="
    http = _beside(provider, _client("a.client", secret))
    header = _header(f"{quote_plus('a.client')}:{quote_plus(secret)}".encode())
    answer = http.post("/oauth2/token", data={**GRANT, "client_id": "a.client"}, headers=header)
    assert token_error(answer) == "invalid_grant"


@pytest.mark.parametrize(
    ("used", "error", "status"),
    [
        ("first-secret", "invalid_grant", 400),
        ("second-secret", "invalid_grant", 400),
        ("third", "invalid_client", 401),
    ],
)
def test_both_secrets_count_while_one_replaces_the_other(
    provider: Provider, used: str, error: str, status: int
) -> None:
    http = _beside(provider, _client("rotating", "first-secret", "second-secret"))
    answer = http.post("/oauth2/token", data=GRANT, headers=basic("rotating", used))
    assert token_error(answer, status) == error


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"])
@pytest.mark.parametrize(
    ("headers", "form", "status"),
    [
        (basic("open", "wrong"), {}, 401),
        ({}, {"client_id": "open"}, 401),
        ({}, {"client_id": "unheard_of"}, 401),
        ({}, {"client_id": "public", **SECRET}, 401),
        (basic("open", CLIENT_SECRET), SECRET, 400),
        (basic("open", CLIENT_SECRET), asserted("a.b.c"), 400),
        ({}, {"client_id": "posting", **SECRET, **asserted("a.b.c")}, 400),
        (basic("open", CLIENT_SECRET), {"client_assertion_type": ASSERTION_TYPE}, 400),
    ],
)
def test_every_endpoint_for_clients_judges_them_alike(
    provider: Provider, path: str, headers: dict[str, str], form: dict[str, str], status: int
) -> None:
    answer = provider.http().post(path, data={**GRANT, "token": "any", **form}, headers=headers)
    assert token_error(answer, status) == ("invalid_client" if status == 401 else "invalid_request")
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def _beside(provider: Provider, *clients: Client) -> FlaskClient:
    """Return the provider with other services behind it."""
    parts = replace(provider.parts, clients=ClientRegistry(clients))
    return create_app(provider.settings, parts).test_client(use_cookies=False)


def _client(client_id: str, *secrets: str) -> Client:
    settings: dict[str, Any] = {
        "client_id": client_id,
        "name": client_id,
        "redirect_uris": ["https://rp.test/cb"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": [sha256(secret.encode()).hexdigest() for secret in secrets],
        "scope": ["openid", "offline_access"],
        "profiles": ["insured"],
    }
    return Client.model_validate(settings)


def _asked(provider: Provider, headers: dict[str, str], form: dict[str, str]) -> TestResponse:
    return provider.http().post("/oauth2/token", data=form, headers=headers)


def _encodable(form: dict[str, str]) -> dict[str, str]:
    return {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
