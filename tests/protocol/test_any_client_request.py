"""Whatever a client posts: an answer as JSON that nobody may store, the error that the specification names."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.discovery import PATHS
from tests.protocol.answers import token_error
from tests.protocol.garbage import (
    FORM,
    POSTED,
    TOKEN,
    Pairs,
    basic,
    content_types,
    octets,
    pairs,
    quick,
    settled,
)
from tests.provider import (
    CLIENT_SECRET,
    VERIFIER,
    Provider,
    Visit,
    redirect_uri,
)


@pytest.fixture(scope="module")
def visit(shared_provider: Provider) -> Visit:
    """Give a browser with somebody signed in."""
    browser = shared_provider.browser()
    browser.sign_in(shared_provider.add("408461", "Claire Moretti"))
    return browser


@quick
@given(
    pairs=pairs(TOKEN),
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
@given(raw=octets, content_type=content_types, path=st.sampled_from(POSTED), known=st.booleans())
def test_any_bytes_posted_by_a_client_get_an_error_as_json(
    shared_provider: Provider, raw: bytes, content_type: str, path: str, known: bool
) -> None:
    headers = {"Content-Type": content_type, **({"Authorization": basic("machine")} if known else {})}
    answer = shared_provider.http().post(path, data=raw, headers=headers)
    if known and b"token=" in raw and path != PATHS["token_endpoint"]:
        # A token that is none is nothing to complain about: inactive, or given back already.
        assert (settled(answer, 200, 400) != "") == (answer.status_code == 400)
    else:
        assert settled(answer, 400, 401)


@quick
@given(
    header=st.text(st.characters(exclude_characters="\r\n", max_codepoint=0xFF), max_size=40),
    path=st.sampled_from(POSTED),
)
def test_any_authorization_header_of_a_client_is_refused(
    shared_provider: Provider, header: str, path: str
) -> None:
    sent = {"grant_type": "client_credentials", "token": "t"}
    for value in (header, f"Basic {header}"):
        answer = shared_provider.http().post(path, data=sent, headers={"Authorization": value})
        assert settled(answer, 400, 401)


@quick
@given(
    more=pairs({"code_verifier": ["v", VERIFIER], "redirect_uri": [redirect_uri("open")], "resource": ["r"]})
)
def test_anything_beside_a_real_code_gets_tokens_or_an_error(
    shared_provider: Provider, visit: Visit, more: Pairs
) -> None:
    visit.authorize(prompt="none")
    code = visit.answer["code"]
    answer = shared_provider.http().post(
        "/oauth2/token",
        data=urlencode([("grant_type", "authorization_code"), ("code", code), *more]),
        headers={"Content-Type": FORM, "Authorization": basic("open")},
    )
    settled(answer, 200, 400, 401)
