"""The provider tells that a session ended (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, OKPKey
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.forging import signed_with_own_key, signed_with_public_key, unsigned, with_header
from tests.portal.stand_in import ABSENT, StandIn

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def told(portal: Flask, token: str | None, **how: Any) -> TestResponse:
    sent = {"data": {"logout_token": token}} if token is not None else how
    return portal.test_client(use_cookies=False).post("/backchannel-logout", **sent)


def refused(answer: TestResponse) -> str:
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.is_json
    assert answer.json
    assert answer.json["error"] == "invalid_request"
    return str(answer.json["error_description"]).rpartition(": ")[2]


@pytest.fixture
def signed_in(browser: Browser) -> Browser:
    browser.open("/login")
    return browser


def test_the_session_that_is_named_ends_and_no_other(
    signed_in: Browser, other_browser: Browser, portal: Flask, provider: StandIn
) -> None:
    provider.does.claims = {"sid": "s-2"}
    other_browser.open("/login")
    answer = told(portal, provider.logout_token())
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (200, b"", "no-store")
    assert not signed_in.is_signed_in()
    assert other_browser.is_signed_in()


def test_without_sid_every_session_of_the_person_ends(
    signed_in: Browser, other_browser: Browser, portal: Flask, provider: StandIn
) -> None:
    provider.does.claims = {"sid": "s-2"}
    other_browser.open("/login")
    assert told(portal, provider.logout_token(sid=ABSENT)).status_code == 200
    assert not signed_in.is_signed_in()
    assert not other_browser.is_signed_in()


def test_without_sub_the_sid_suffices(signed_in: Browser, portal: Flask, provider: StandIn) -> None:
    assert told(portal, provider.logout_token(sub=ABSENT)).status_code == 200
    assert not signed_in.is_signed_in()


def test_a_session_of_somebody_else_is_not_ended_by_its_sid(
    signed_in: Browser, portal: Flask, provider: StandIn
) -> None:
    assert told(portal, provider.logout_token(sub="p-2")).status_code == 200
    assert signed_in.is_signed_in()


def test_a_token_for_a_session_that_is_not_here_is_right_all_the_same(
    portal: Flask, provider: StandIn
) -> None:
    assert told(portal, provider.logout_token(sid="nowhere")).status_code == 200


@pytest.mark.parametrize("sid", ["s-1", ABSENT])
def test_a_logout_that_overtakes_the_sign_in_wins(
    browser: Browser, portal: Flask, provider: StandIn, sid: object
) -> None:
    """It comes after the provider gave the tokens, before the portal has stored them."""
    address = browser.at_provider(browser.get("/login"))
    provider.does.forge = lambda id_token: _with_logout_first(portal, provider, id_token, sid)
    page = browser.get(address)
    assert page.status_code == 403
    assert 'data-error="session_ended"' in page.text
    assert not browser.is_signed_in()


def _with_logout_first(portal: Flask, provider: StandIn, id_token: str, sid: object) -> str:
    provider.does.forge = None
    assert told(portal, provider.logout_token(sid=sid)).status_code == 200
    return id_token


def test_an_ended_session_does_not_come_back_by_a_silent_sign_in(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    told(portal, provider.logout_token())
    clock.advance(seconds=3600)
    assert 'data-error="session_ended"' in signed_in.open("/login").text
    provider.does.claims = {"sid": "s-2"}
    assert signed_in.open("/login").status_code == 200


def test_after_all_sessions_ended_a_later_sign_in_is_welcome(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    told(portal, provider.logout_token(sid=ABSENT))
    clock.advance(seconds=1)
    assert signed_in.open("/login").status_code == 200


def test_a_logout_during_a_refresh_wins(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    clock.advance(seconds=290)
    provider.before_refresh = lambda: told(portal, provider.logout_token())
    assert signed_in.get("/fse").status_code == 302
    assert not signed_in.is_signed_in()


def test_a_token_ends_something_once_and_is_welcome_again(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    """A provider that lost our answer sends it again: that must neither fail nor end a sign-in made since."""
    token = provider.logout_token(sid=ABSENT)
    assert told(portal, token).status_code == 200
    clock.advance(seconds=1)
    assert signed_in.open("/login").status_code == 200
    assert told(portal, token).status_code == 200
    assert signed_in.is_signed_in()


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": ABSENT}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["portail-fse", "another"]}, "aud"),
        ({"aud": ABSENT}, "aud"),
        ({"iat": ABSENT}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": 4_000_000_000}, "iat"),
        ({"exp": ABSENT}, "exp"),
        ({"exp": 1_000_000_000}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 10**30}, "exp"),
        ({"jti": ABSENT}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"sid": ABSENT, "sub": ABSENT}, "sid or sub"),
        ({"sid": 7}, "sid"),
        ({"sub": ["p-1"]}, "sub"),
        ({"events": ABSENT}, "events"),
        ({"events": {}}, "events"),
        ({"events": [EVENT]}, "events"),
        ({"events": {EVENT: True}}, "events"),
        ({"nonce": "one"}, "nonce"),
    ],
)
def test_a_wrong_claim_ends_nothing(
    signed_in: Browser, portal: Flask, provider: StandIn, changes: dict[str, Any], claim: str
) -> None:
    assert refused(told(portal, provider.logout_token(**changes))) == claim
    assert signed_in.is_signed_in()


@pytest.mark.attack(38)
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "", ABSENT])
def test_another_kind_of_token_is_no_logout_token(
    signed_in: Browser, portal: Flask, provider: StandIn, typ: object
) -> None:
    assert refused(told(portal, provider.logout_token({"typ": typ}))) == "typ"
    assert signed_in.is_signed_in()


@pytest.mark.attack(38)
def test_an_id_token_is_no_logout_token(signed_in: Browser, portal: Flask, provider: StandIn) -> None:
    id_token = next(token for token in provider.minted if token.count(".") == 2)
    assert refused(told(portal, id_token)) == "typ"


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: unsigned, id="none"),
        pytest.param(signed_with_public_key, id="HS256 with the public key"),
        pytest.param(lambda _: signed_with_own_key(jwk=True), id="brings its own key"),
        pytest.param(
            lambda _: with_header({"alg": "RS256", "kid": "rsa-1", "typ": "logout+jwt"}), id="another header"
        ),
        pytest.param(lambda _: lambda token: token[:-8] + "AAAAAAAA", id="another signature"),
        pytest.param(lambda _: lambda token: "", id="empty"),
        pytest.param(lambda _: lambda token: "a.b.c", id="no token"),
        pytest.param(lambda _: lambda token: token + "A" * 9000, id="too long"),
    ],
)
def test_a_forged_token_ends_nothing(
    signed_in: Browser,
    portal: Flask,
    provider: StandIn,
    forge: Callable[[StandIn], Callable[[str], str]],
) -> None:
    provider.does.forge = forge(provider)
    assert refused(told(portal, provider.logout_token())) == "signature"
    assert signed_in.is_signed_in()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_the_other_algorithms_after_a_rotation(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock, alg: str
) -> None:
    clock.advance(seconds=11)
    if alg == "ES256":
        provider.keys.append(ECKey.generate_key("P-256", {"kid": "next", "use": "sig"}))
    elif alg == "EdDSA":
        provider.keys.append(OKPKey.generate_key("Ed25519", {"kid": "next", "use": "sig"}))
    assert told(portal, provider.logout_token({"alg": alg})).status_code == 200
    assert not signed_in.is_signed_in()


def test_unknown_keys_are_looked_for_at_most_every_ten_seconds(
    signed_in: Browser, portal: Flask, provider: StandIn
) -> None:
    for _ in range(5):
        assert refused(told(portal, provider.logout_token({"kid": "unknown"}))) == "signature"
    assert provider.asked["/oauth2/jwks"] == 1


@pytest.mark.parametrize(
    "how",
    [
        {"data": {"logout_token": ["one", "two"]}},
        {"data": {}},
        {"json": {"logout_token": "one"}},
        {"data": b"logout_token=one", "content_type": "text/plain"},
        {"data": {}, "query_string": {"logout_token": "one"}},
    ],
)
def test_anything_but_one_token_in_a_form_is_refused(portal: Flask, how: dict[str, Any]) -> None:
    assert refused(told(portal, None, **how)) == "logout_token"


def test_a_body_that_is_too_large_is_refused_unread(portal: Flask) -> None:
    answer = told(portal, "a" * 20_000)
    assert (answer.status_code, answer.json) == (400, {"error": "bad_request"})


def test_only_a_post_is_answered(portal: Flask) -> None:
    answer = portal.test_client().get("/backchannel-logout")
    assert (answer.status_code, answer.json) == (405, {"error": "method_not_allowed"})


def test_without_keys_the_provider_is_asked_to_try_again(
    portal: Flask, provider: StandIn, browser: Browser
) -> None:
    token = provider.logout_token()
    provider.does.down = True
    answer = told(portal, token)
    assert (answer.status_code, answer.json) == (503, {"error": "provider_unavailable"})
    assert answer.headers["Retry-After"] == "5"
    provider.does.down = False
    assert told(portal, token).status_code == 200


def test_a_cookie_plays_no_part(signed_in: Browser, provider: StandIn) -> None:
    answer = signed_in.post("/backchannel-logout", {"logout_token": provider.logout_token(sid="s-2")})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert signed_in.is_signed_in()
