"""Whatever is sent: an answer, never an accident; a redirect to a registered address alone; errors as JSON."""

from __future__ import annotations

import base64
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.protocol.answers import token_error
from tests.provider import (
    CLIENT_SECRET,
    CLIENTS,
    ISSUER,
    VERIFIER,
    Provider,
    authorization_request,
    redirect_uri,
)

FORM = "application/x-www-form-urlencoded"
quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_AUTHORIZATION: dict[str, list[str]] = {
    "client_id": [*CLIENTS, "unheard_of"],
    "redirect_uri": [*map(redirect_uri, CLIENTS), "http://127.0.0.1:8080/cb", "https://evil.test/callback"],
    "response_type": ["code", "token", "code id_token"],
    "response_mode": ["query", "fragment", "form_post"],
    "scope": ["openid", "openid profile", "openid practitioner", "profile", "openid openid  email"],
    "state": ["s" * 128, "\r\nSet-Cookie: a=b"],
    "nonce": ["n"],
    "code_challenge": [authorization_request("open")["code_challenge"], "c"],
    "code_challenge_method": ["S256", "plain"],
    "prompt": ["none", "login", "select_account", "consent", "none login"],
    "max_age": ["0", "1", "banana", "999999999"],
    "acr_values": ["pwd", "mfa", "mfa pwd"],
    "claims": ["{}", '{"id_token":{"acr":null}}', "["],
    "login_hint": ["408461", "<b>"],
    "ui_locales": ["fr", "fr-CA en"],
    "id_token_hint": ["a.b.c"],
    "request": ["a.b.c"],
    "request_uri": ["https://open.test/request"],
    "registration": ["{}"],
}
_TOKEN: dict[str, list[str]] = {
    "grant_type": ["authorization_code", "refresh_token", "client_credentials", "password"],
    "client_id": [*CLIENTS],
    "client_secret": [CLIENT_SECRET],
    "code": ["c" * 43],
    "redirect_uri": [redirect_uri("open")],
    "code_verifier": [VERIFIER],
    "refresh_token": ["a" * 64 + ".0.a", ".."],
    "scope": ["openid"],
    "resource": ["https://a.test"],
}


def _pairs(known: dict[str, list[str]]) -> SearchStrategy[list[tuple[str, str]]]:
    """Return lists of parameters, mostly known names with known values, sometimes anything, sometimes twice."""
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    named = st.sampled_from(sorted(known)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(known[name]) | anything)
    )
    return st.lists(named | st.tuples(anything, anything), max_size=12)


def _authorization() -> SearchStrategy[list[tuple[str, str]]]:
    """Return requests that began right and were changed."""
    right = st.sampled_from([*CLIENTS]).map(authorization_request)

    def changed(
        request: dict[str, str], pairs: list[tuple[str, str]], doubled: bool
    ) -> list[tuple[str, str]]:
        return [*request.items(), *pairs] if doubled else list({**request, **dict(pairs)}.items())

    return st.builds(changed, right, _pairs(_AUTHORIZATION), st.booleans()) | _pairs(_AUTHORIZATION)


@pytest.fixture(scope="module")
def signed_in(shared_provider: Provider) -> str:
    """Give the cookie of somebody signed in, so that codes are given too."""
    visit = shared_provider.browser()
    visit.sign_in(shared_provider.add("408461", "Claire Moretti"))
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"


@pytest.mark.attack(16)
@quick
@given(pairs=_authorization(), method=st.sampled_from(["GET", "POST"]), known=st.booleans())
def test_any_authorization_request_is_answered_and_leads_nowhere_else(
    shared_provider: Provider, signed_in: str, pairs: list[tuple[str, str]], method: str, known: bool
) -> None:
    sent = urlencode(pairs)
    answer = shared_provider.http().open(
        f"/oauth2/authorize?{sent if method == 'GET' else ''}",
        method=method,
        data=sent if method == "POST" else None,
        content_type=FORM,
        base_url=ISSUER,
        headers={"Cookie": signed_in} if known else {},
    )
    assert answer.status_code in {303, 400, 413}
    if answer.status_code != 303:
        assert "Location" not in answer.headers
        return
    location = answer.headers["Location"]
    if location.startswith(("/signin/", "/oauth2/authorize?")):
        return
    target = urlsplit(location)
    client_id = dict(pairs)["client_id"]
    if client_id == "native":
        assert (target.scheme, target.hostname, target.path) == ("http", "127.0.0.1", "/cb")
    else:
        assert location.partition("?")[0] == redirect_uri(client_id)
    assert urlencode({"iss": ISSUER}) in target.query


@quick
@given(
    pairs=_pairs(_TOKEN),
    header=st.none()
    | st.sampled_from([f"Basic {base64.b64encode(f'open:{CLIENT_SECRET}'.encode()).decode()}", "Basic a"])
    | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60),
)
def test_any_token_request_gets_an_error_as_json(
    shared_provider: Provider, pairs: list[tuple[str, str]], header: str | None
) -> None:
    headers = {"Content-Type": FORM, **({} if header is None else {"Authorization": header})}
    answer = shared_provider.http().post("/oauth2/token", data=urlencode(pairs), headers=headers)
    assert answer.status_code in {400, 401}
    assert token_error(answer, answer.status_code)
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)


@quick
@given(
    raw=st.binary(max_size=200), content_type=st.sampled_from([FORM, f"{FORM}; charset=utf-16", "a/b", ""])
)
def test_any_bytes_as_token_request_get_an_error_as_json(
    shared_provider: Provider, raw: bytes, content_type: str
) -> None:
    answer = shared_provider.http().post("/oauth2/token", data=raw, headers={"Content-Type": content_type})
    assert token_error(answer, answer.status_code)
    assert answer.status_code in {400, 401}


@quick
@given(token=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=80))
def test_any_bearer_token_is_refused(shared_provider: Provider, token: str) -> None:
    assert shared_provider.userinfo(token).status_code == 401
