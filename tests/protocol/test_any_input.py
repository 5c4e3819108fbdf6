"""Whatever is sent: an answer, never an accident; a redirect to a registered address alone; errors as specified."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from idp.demo.browser import read_page
from tests.protocol.answers import DESCRIPTION
from tests.protocol.garbage import (
    DOCUMENTS,
    FORM,
    POSTED,
    Pairs,
    anything,
    deep,
    json_values,
    octets,
    pairs,
    quick,
)
from tests.provider import (
    CLIENTS,
    ISSUER,
    Provider,
    authorization_request,
    redirect_uri,
)

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
    "claims": [
        *("{}", '{"id_token":{"acr":null}}', "[", "[" * 2_000),
        *('{"id_token":{"sub":{"value":"\\ud800"}}}', '{"userinfo":{"name":{"value":1e999}}}'),
    ],
    "login_hint": ["408461", "<b>"],
    "resource": ["https://records.test/api", "https://records.test/api#top", "records"],
    "ui_locales": ["fr", "fr-CA en"],
    "id_token_hint": ["a.b.c"],
    "request": ["a.b.c"],
    "request_uri": ["https://open.test/request"],
    "registration": ["{}"],
}

_ASKED = st.fixed_dictionaries(
    {},
    optional={
        member: st.dictionaries(
            st.sampled_from(["sub", "acr", "name", "auth_time"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "essential": st.booleans() | json_values,
                    "value": st.sampled_from(["pwd", "mfa"]) | json_values,
                    "values": st.lists(st.sampled_from(["pwd", "mfa"]) | json_values, max_size=3)
                    | json_values,
                },
            )
            | json_values,
        )
        | json_values
        for member in ("userinfo", "id_token")
    },
)


def _authorization() -> SearchStrategy[list[tuple[str, str]]]:
    """Return requests that began right and were changed."""
    right = st.sampled_from([*CLIENTS]).map(authorization_request)

    def changed(
        request: dict[str, str], pairs: list[tuple[str, str]], doubled: bool
    ) -> list[tuple[str, str]]:
        return [*request.items(), *pairs] if doubled else list({**request, **dict(pairs)}.items())

    return st.builds(changed, right, pairs(_AUTHORIZATION), st.booleans()) | pairs(_AUTHORIZATION)


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
    assert answer.status_code in {200, 303, 400, 413}
    if answer.status_code == 200:
        (form,) = read_page("", 200, answer.text).forms
        assert dict(pairs)["response_mode"] == "form_post"
        assert form.fields["iss"] == ISSUER
        assert _registered(form.action, dict(pairs)["client_id"])
        return
    if answer.status_code != 303:
        assert "Location" not in answer.headers
        return
    location = answer.headers["Location"]
    if location.startswith(("/signin/", "/oauth2/authorize?")):
        return
    assert _registered(location, dict(pairs)["client_id"])
    assert urlencode({"iss": ISSUER}) in urlsplit(location).query


@quick
@given(
    claims=deep | json_values.map(json.dumps) | _ASKED.map(json.dumps),
    method=st.sampled_from(["GET", "POST"]),
    known=st.booleans(),
)
@example(claims=r'{"id_token":{"sub":{"value":"\ud800"}}}', method="GET", known=False)
@example(claims=r'{"id_token":{"acr":{"values":["\udfff"]}}}', method="GET", known=False)
def test_any_claims_asked_for_are_understood_or_told_to_the_client(
    shared_provider: Provider, signed_in: str, claims: str, method: str, known: bool
) -> None:
    sent = urlencode({**authorization_request("open"), "claims": claims})
    went = shared_provider.http().open(
        f"/oauth2/authorize?{sent if method == 'GET' else ''}",
        method=method,
        data=sent if method == "POST" else None,
        content_type=FORM,
        base_url=ISSUER,
        headers={"Cookie": signed_in if known else "unheard=of"},
    )
    assert (went.status_code, went.headers["Cache-Control"]) == (303, "no-store")
    answer = parse_qs(urlsplit(went.headers["Location"]).query)
    if "error" in answer:
        assert answer["error"][0] in {
            "invalid_request",
            "unmet_authentication_requirements",
            "login_required",
        }
        assert DESCRIPTION.fullmatch(answer["error_description"][0])


@quick
@given(
    more=pairs(
        {
            "id_token_hint": ["a.b.c"],
            "post_logout_redirect_uri": ["https://open.test/goodbye", "https://evil.test/"],
            "client_id": ["open"],
            "state": ["s", "\r\nSet-Cookie: a=b"],
            "logout_hint": ["408461"],
            "ui_locales": ["fr"],
        }
    ),
    method=st.sampled_from(["GET", "POST"]),
    known=st.booleans(),
)
def test_any_logout_without_a_good_hint_asks_or_ends_on_our_page(
    shared_provider: Provider, signed_in: str, more: Pairs, method: str, known: bool
) -> None:
    sent = urlencode(more)
    answer = shared_provider.http().open(
        f"/logout{'?' + sent if method == 'GET' else ''}",
        method=method,
        data=sent if method == "POST" else None,
        content_type=FORM,
        base_url=ISSUER,
        headers={"Cookie": signed_in} if known else {},
    )
    assert answer.headers["Cache-Control"] == "no-store"
    if known:
        assert (answer.status_code, 'id="logout-form"' in answer.text) == (200, True)
    else:
        again = "/logout" if method == "POST" else "/logout/done"
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, again)


@quick
@given(
    query=octets,
    path=st.sampled_from(["/oauth2/authorize", "/oauth2/userinfo", "/logout", *DOCUMENTS]),
    etag=anything.filter(str.isprintable),
)
def test_any_bytes_in_an_address_are_answered(
    shared_provider: Provider, query: bytes, path: str, etag: str
) -> None:
    answer = shared_provider.http().open(
        path,
        query_string=query.decode("latin-1"),
        headers={"If-None-Match": etag.encode().decode("latin-1")},
    )
    if path in DOCUMENTS:
        assert answer.status_code in {200, 304}
        assert answer.status_code == 304 or answer.get_json()
        return
    assert answer.status_code in {303, 400, 401}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/oauth2/userinfo", "/logout", *POSTED, *DOCUMENTS])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_another_method_is_refused_and_the_right_ones_are_named(
    provider: Provider, path: str, method: str
) -> None:
    right = {"GET"} if path in DOCUMENTS else {"POST"} if path in POSTED else {"GET", "POST"}
    answer = provider.http().open(path, method=method)
    assert (answer.status_code == 405) == (method not in right)
    if answer.status_code == 405:
        assert answer.headers["Cache-Control"] == "no-store"
        assert right <= set(answer.headers["Allow"].split(", ")) <= right | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/oauth2/userinfo", "/logout", *POSTED])
@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=b"])
def test_a_body_beyond_its_size_is_refused_and_the_answer_not_stored(
    provider: Provider, path: str, content_type: str
) -> None:
    body = f"token={'a' * 100_000}" if content_type == FORM else f"--b\r\n{'a' * 100_000}"
    answer = provider.http().post(path, data=body, content_type=content_type)
    assert answer.status_code in ({413} if content_type == FORM else {400, 401, 413})
    assert answer.headers["Cache-Control"] == "no-store"


def _registered(address: str, client_id: str) -> bool:
    target = urlsplit(address)
    if client_id == "native":
        return (target.scheme, target.hostname, target.path) == ("http", "127.0.0.1", "/cb")
    return address.partition("?")[0] == redirect_uri(client_id)
