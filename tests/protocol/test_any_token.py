"""Whatever stands where a token belongs: the right one in its right place counts, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.assertions import asserted, assertion
from tests.clock import MovableClock
from tests.protocol.answers import refused, token_error, tokens
from tests.protocol.apis import own_token, with_apis
from tests.protocol.forging import encoded, our_key
from tests.protocol.garbage import (
    FORM,
    TOKEN,
    Pairs,
    Parts,
    anything,
    basic,
    content_types,
    json_values,
    jwt_like,
    jwt_parts,
    odd_headers,
    pairs,
    quick,
    settled,
)
from tests.provider import (
    ISSUER,
    Provider,
    authorization_request,
)

_EXCHANGE = TOKEN["grant_type"][-1]
_GRANTS = st.sampled_from(TOKEN["grant_type"])


@pytest.fixture(scope="module")
def kid(shared_provider: Provider) -> str:
    """Give the name of the provider's own RSA key."""
    return our_key(shared_provider).kid


@pytest.fixture(scope="module")
def exchanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Give a provider with services that exchange tokens."""
    whole = with_apis(Provider(tmp_path_factory.mktemp("exchanging"), MovableClock()))
    yield whole
    whole.parts.database.dispose()


@pytest.fixture(scope="module")
def real(exchanging: Provider) -> dict[str, str]:
    """Give one of each token that is really good, somewhere."""
    visit = exchanging.browser()
    doctor = exchanging.add("408461", "Claire Moretti")
    given = tokens(exchanging, doctor, "front", visit, scope="openid profile offline_access")
    visit.authorize("front", scope="openid")
    signed = tokens(exchanging, doctor, "signing")["access_token"]
    return {
        **{name: given[name] for name in ("access_token", "id_token", "refresh_token")},
        "code": visit.answer["code"],
        "own": own_token(exchanging, "orders"),
        "userinfo": exchanging.userinfo(signed).text,
    }


@quick
@given(more=pairs(TOKEN), client_id=st.sampled_from(["open", "machine", "front", "orders"]), grant=_GRANTS)
def test_any_request_of_a_right_client_gets_tokens_or_an_error(
    exchanging: Provider, real: dict[str, str], more: Pairs, client_id: str, grant: str
) -> None:
    """Each grant, with a token that is real where it wants one, and anything beside it."""
    subject = {"subject_token": real["access_token"], "subject_token_type": TOKEN["subject_token_type"][0]}
    right = {"grant_type": grant, **(subject if grant == _EXCHANGE else {})}
    beside = [(name, value) for name, value in more if name not in {"client_id", "client_secret", *right}]
    answer = exchanging.http().post(
        "/oauth2/token",
        data=urlencode([*right.items(), *beside]),
        headers={"Content-Type": FORM, "Authorization": basic(client_id)},
    )
    if not settled(answer, 200, 400):
        assert {"access_token", "expires_in"} <= set(answer.get_json())


@quick
@given(parts=jwt_parts)
@pytest.mark.attack(35)
@pytest.mark.attack(36)
def test_what_looks_like_a_jwt_is_nothing_anywhere(shared_provider: Provider, kid: str, parts: Parts) -> None:
    _assert_nothing(shared_provider, kid, parts)


@pytest.mark.attack(37)
@pytest.mark.parametrize("nested", [40, 900, 2_000])
def test_a_jwt_of_many_levels_is_nothing_anywhere(provider: Provider, kid: str, nested: int) -> None:
    text = "[" * nested + "]" * nested
    for header, claims in ((text, "{}"), (f'{{"alg":"RS256","kid":"{kid}"}}', text)):
        token = f"{encoded(header.encode())}.{encoded(claims.encode())}.AAAA"
        _assert_nowhere(provider, token)


@pytest.mark.attack(35)
@pytest.mark.attack(36)
@pytest.mark.parametrize("number", range(len(odd_headers)))
def test_a_header_of_another_shape_is_nothing_anywhere(provider: Provider, kid: str, number: int) -> None:
    several: list[Any] = [{"iss": ISSUER}, [], "a"]
    for claims in several:
        _assert_nothing(provider, kid, (odd_headers[number], claims, b"signature"))


def _assert_nothing(provider: Provider, kid: str, parts: Parts) -> None:
    _assert_nowhere(provider, jwt_like(parts, kid))


def _assert_nowhere(shared_provider: Provider, token: str) -> None:
    """Assert that no address takes ``token``, and that each says so as its specification has it."""
    for answer in (
        shared_provider.userinfo(token),
        shared_provider.http().post("/oauth2/userinfo", data={"access_token": token}),
    ):
        assert refused(answer) == "invalid_token"
    assert settled(shared_provider.introspect(token), 200) == ""
    assert shared_provider.introspect(token).get_json() == {"active": False}
    assert settled(shared_provider.revoke(token), 200) == ""
    asked = {"grant_type": "client_credentials", **asserted(token)}
    assert settled(shared_provider.http().post("/oauth2/token", data=asked), 401) == "invalid_client"
    request = {**authorization_request("open"), "id_token_hint": token}
    went = shared_provider.http().get(f"/oauth2/authorize?{urlencode(request)}")
    assert "error=invalid_request&" in went.headers["Location"]
    goodbye = {"id_token_hint": token, "post_logout_redirect_uri": "https://open.test/goodbye"}
    went = shared_provider.http().get(f"/logout?{urlencode(goodbye)}")
    assert went.headers["Location"] == "/logout/done"


@quick
@given(
    claims=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("jti", "exp", "iat", "nbf", "aud", "iss", "sub"), json_values)
    ),
    header=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("alg", "kid", "typ", "crit", "jwk"), json_values)
    ),
)
@example(claims={"jti": "\ud800"}, header={})
@example(claims={"exp": math.inf, "iat": math.nan}, header={})
def test_any_claims_that_a_client_signs_prove_it_or_nothing(
    shared_provider: Provider, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    signed = assertion("asserting", ISSUER, shared_provider.clock.now(), header=header, **claims)
    sent = {"grant_type": "refresh_token", "refresh_token": "r", **asserted(signed)}
    answer = shared_provider.http().post("/oauth2/token", data=sent)
    assert settled(answer, 400, 401) in {"invalid_grant", "invalid_client"}


@quick
@given(
    more=pairs({"access_token": ["a.b.c", ""]}),
    header=st.none() | anything.filter(str.isprintable) | st.just("Bearer a.b.c"),
    method=st.sampled_from(["GET", "POST"]),
    content_type=content_types,
)
def test_any_userinfo_request_without_a_good_token_is_refused(
    shared_provider: Provider, more: Pairs, header: str | None, method: str, content_type: str
) -> None:
    sent = urlencode(more)
    answer = shared_provider.http().open(
        f"/oauth2/userinfo{'?' + sent if method == 'GET' else ''}",
        method=method,
        data=sent if method == "POST" else None,
        headers={
            "Content-Type": content_type,
            **({} if header is None else {"Authorization": header.encode().decode("latin-1")}),
        },
    )
    assert refused(answer, answer.status_code) in {"", "invalid_request", "invalid_token"}
    assert answer.status_code in {400, 401}


@pytest.mark.parametrize("name", ["access_token", "id_token", "refresh_token", "code", "own", "userinfo"])
@pytest.mark.attack(38)
def test_a_token_is_good_in_its_own_place_alone(
    exchanging: Provider, real: dict[str, str], name: str
) -> None:
    token = real[name]
    if name != "access_token":
        assert refused(exchanging.userinfo(token)) == "invalid_token"
    if name not in {"access_token", "refresh_token"}:
        assert exchanging.introspect(token, "front").get_json() == {"active": False}
    for parameter, grant in (("code", "authorization_code"), ("refresh_token", "refresh_token")):
        if parameter != name:
            sent = {"grant_type": grant, parameter: token}
            assert token_error(exchanging.token(sent, "front")) == "invalid_grant"
    if name != "access_token":
        sent = {
            "grant_type": _EXCHANGE,
            "subject_token": token,
            "subject_token_type": TOKEN["subject_token_type"][0],
        }
        assert token_error(exchanging.token(sent, "front")) == "invalid_request"
    if name != "id_token":
        request = {**authorization_request("front"), "scope": "openid", "id_token_hint": token}
        went = exchanging.http().get(f"/oauth2/authorize?{urlencode(request)}")
        assert "error=invalid_request&" in went.headers["Location"]
        goodbye = {"id_token_hint": token, "post_logout_redirect_uri": "https://signing.test/goodbye"}
        went = exchanging.http().get(f"/logout?{urlencode(goodbye)}")
        assert went.headers["Location"] == "/logout/done"
    asked = {"grant_type": "client_credentials", **asserted(token)}
    assert token_error(exchanging.http().post("/oauth2/token", data=asked), 401) == "invalid_client"
    assert exchanging.userinfo(real["access_token"]).status_code == 200
