"""RFC 6749 §3.2, §5.1, §5.2: what a token request and its answers look like."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.clients.model import TOKEN_EXCHANGE
from tests.protocol.answers import body, token_error
from tests.provider import CLIENT_SECRET, ISSUER, VERIFIER, Provider, Someone, redirect_uri

TOKEN = "/oauth2/token"
FORM = "application/x-www-form-urlencoded"
CREDENTIALS = base64.b64encode(f"open:{CLIENT_SECRET}".encode()).decode()


def test_a_right_request_gets_bearer_tokens_that_nobody_may_store(
    provider: Provider, doctor: Someone
) -> None:
    answer = provider.redeem(provider.browser().sign_in(doctor))
    given = body(answer)
    assert set(given) == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 300)
    assert given["scope"] == "openid profile offline_access"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert "Set-Cookie" not in answer.headers


def test_without_offline_access_no_refresh_token_is_given(provider: Provider, doctor: Someone) -> None:
    given = body(provider.redeem(provider.browser().sign_in(doctor, scope="openid")))
    assert set(given) == {"access_token", "token_type", "expires_in", "scope", "id_token"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(provider: Provider, method: str) -> None:
    answer = provider.http().open(f"{TOKEN}?grant_type=authorization_code", method=method)
    assert token_error(answer, 405) == "invalid_request"
    assert set(answer.headers["Allow"].split(", ")) <= {"POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("client_id", "grant_type"),
    [
        ("open", "client_credentials"),
        ("open", TOKEN_EXCHANGE),
        ("plain", "refresh_token"),
        ("machine", "authorization_code"),
        ("public", "client_credentials"),
    ],
)
def test_a_grant_that_the_clients_file_does_not_name_is_refused_first_of_all(
    provider: Provider, client_id: str, grant_type: str
) -> None:
    assert token_error(provider.token({"grant_type": grant_type}, client_id)) == "unauthorized_client"


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "authorization_code", "code": "a"},
        {"grant_type": "refresh_token"},
        {"grant_type": "client_credentials"},
        {"grant_type": TOKEN_EXCHANGE},
    ],
)
def test_nobody_learns_anything_before_the_client_is_known(provider: Provider, form: dict[str, str]) -> None:
    for client in ({}, {"client_id": "unheard_of"}, {"client_id": "open"}):
        answer = provider.http().post(TOKEN, data={**form, **client})
        assert token_error(answer, 401) == "invalid_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "Authorization_Code"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code "}, "unsupported_grant_type"),
        ({"grant_type": 'é"\\\n'}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": ""}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "unheard-of"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": 'é"\\\x00'}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": 'é"\\\x00'}, "invalid_grant"),
    ],
)
def test_a_wrong_request_gets_the_error_of_the_specification(
    provider: Provider, form: dict[str, str], error: str
) -> None:
    assert token_error(provider.token(form)) == error


@pytest.mark.parametrize("query", ["grant_type=authorization_code", "unheard_of=1", "client_id=open"])
def test_parameters_in_the_address_are_refused(provider: Provider, doctor: Someone, query: str) -> None:
    form = _right(provider, doctor)
    path = f"{TOKEN}?{query}"
    assert token_error(_posted(provider, urlencode(form), path=path)) == "invalid_request"
    del form["grant_type"]
    assert token_error(_posted(provider, urlencode(form), path=path)) == "invalid_request"


def test_a_multipart_form_is_refused_though_it_could_be_read(provider: Provider, doctor: Someone) -> None:
    headers = {"Authorization": f"Basic {CREDENTIALS}"}
    form = _right(provider, doctor)
    answer = provider.http().post(TOKEN, data=form, content_type="multipart/form-data", headers=headers)
    assert token_error(answer) == "invalid_request"
    assert body(_posted(provider, urlencode(form)))["access_token"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", FORM + "x"]
)
def test_another_content_type_is_refused(provider: Provider, doctor: Someone, content_type: str) -> None:
    encoded = urlencode(_right(provider, doctor))
    assert token_error(_posted(provider, encoded, content_type=content_type)) == "invalid_request"


def test_the_charset_of_the_content_type_makes_no_difference(provider: Provider, doctor: Someone) -> None:
    encoded = urlencode(_right(provider, doctor))
    assert body(_posted(provider, encoded, content_type=f"{FORM}; charset=UTF-8"))


@pytest.mark.attack(33)
@pytest.mark.parametrize(
    "name", ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "unheard_of"]
)
def test_a_parameter_sent_twice_is_refused_and_spends_nothing(
    provider: Provider, doctor: Someone, name: str
) -> None:
    form = _right(provider, doctor)
    value = form.get(name, "open")
    doubled = urlencode([*form.items(), (name, value), (name, value)])
    assert token_error(_posted(provider, doubled)) == "invalid_request"
    assert body(_posted(provider, urlencode(form)))["access_token"]


@pytest.mark.attack(33)
@pytest.mark.parametrize("name", ["client_secret", "refresh_token", "scope"])
def test_even_an_empty_second_value_is_a_second_one(provider: Provider, name: str) -> None:
    doubled = urlencode([("grant_type", "refresh_token"), (name, "a"), (name, "")])
    assert token_error(_posted(provider, doubled)) == "invalid_request"


@pytest.mark.attack(33)
@pytest.mark.parametrize("name", ["resource", "audience"])
def test_resource_and_audience_may_repeat(provider: Provider, doctor: Someone, name: str) -> None:
    repeated = urlencode([*_right(provider, doctor).items(), (name, ISSUER), (name, ISSUER)])
    assert body(_posted(provider, repeated))["access_token"]


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    "encoded",
    [
        "grant_type=authorization_code&code=" + "c" * 70_000,
        "grant_type=" + "g" * 70_000,
        "&".join(f"name{number}=1" for number in range(20_000)),
    ],
)
def test_an_oversize_body_is_refused_as_json(provider: Provider, encoded: str) -> None:
    assert token_error(_posted(provider, encoded), 413) == "invalid_request"


def test_a_browser_page_of_another_site_gets_no_cors_leave(provider: Provider) -> None:
    answer = provider.token({"grant_type": "refresh_token", "refresh_token": "a"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def _right(provider: Provider, who: Someone) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": provider.browser().sign_in(who),
        "redirect_uri": redirect_uri("open"),
        "code_verifier": VERIFIER,
    }


def _posted(provider: Provider, encoded: str, path: str = TOKEN, content_type: str = FORM) -> TestResponse:
    headers = {"Authorization": f"Basic {CREDENTIALS}", "Content-Type": content_type}
    return provider.http().post(path, data=encoded, headers=headers)
