"""Every answer that proves too little ends on an error page, without a session."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from fse_portal.app import create_app
from fse_portal.settings import Settings
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.forging import signed_with_own_key, signed_with_public_key, unsigned, with_header
from tests.portal.stand_in import ABSENT, ASSISTANT, DOCTOR_BY_PASSWORD, StandIn

Misbehave = Callable[[StandIn], None]


def claims(**changes: Any) -> Misbehave:
    return lambda provider: provider.does.claims.update(changes)


def forge(how: Callable[[StandIn], Callable[[str], str]]) -> Misbehave:
    def misbehave(provider: StandIn) -> None:
        provider.does.forge = how(provider)

    return misbehave


def answer(**changes: Any) -> Misbehave:
    return lambda provider: provider.does.answer.update(changes)


def token_answer(**changes: Any) -> Misbehave:
    return lambda provider: provider.does.token_answer.update(changes)


def header(**changes: Any) -> Misbehave:
    return lambda provider: provider.does.header.update(changes)


def assistant(**changes: Any) -> Misbehave:
    def misbehave(provider: StandIn) -> None:
        provider.does.person = ASSISTANT
        provider.does.claims = changes

    return misbehave


def refused(browser: Browser) -> str:
    page = browser.open("/login")
    assert page.status_code >= 400
    assert page.request.path == "/callback"
    assert 'href="/login"' in page.text
    assert "fse_session=" not in str(page.headers.getlist("Set-Cookie"))
    assert not browser.is_signed_in()
    return page.text.partition('data-error="')[2].partition('"')[0]


@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(claims(nonce="another"), id="another nonce"),
        pytest.param(claims(nonce=ABSENT), id="no nonce"),
        pytest.param(claims(nonce=""), id="empty nonce"),
        pytest.param(claims(aud="another"), id="another audience"),
        pytest.param(claims(aud="another", azp="portail-fse"), id="another audience, our azp"),
        pytest.param(claims(aud=["portail-fse", "another"], azp="portail-fse"), id="one audience more"),
        pytest.param(claims(azp="another"), id="another authorized party"),
        pytest.param(claims(aud=ABSENT), id="no audience"),
        pytest.param(claims(iss="https://evil.example"), id="another issuer"),
        pytest.param(claims(iss=ABSENT), id="no issuer"),
        pytest.param(claims(sub=ABSENT), id="no subject"),
        pytest.param(claims(exp=1_700_000_000), id="expired"),
        pytest.param(claims(exp=ABSENT), id="never expires"),
        pytest.param(claims(exp="4000000000"), id="expiry as text"),
        pytest.param(claims(iat=4_000_000_000), id="from the future"),
        pytest.param(claims(nbf=4_000_000_000), id="not yet valid"),
        pytest.param(claims(auth_time=ABSENT), id="no auth_time"),
        pytest.param(claims(amr=["pwd"]), id="amr contradicts acr"),
        pytest.param(assistant(act={"name": "NAUDIN Fernand"}), id="act without sub"),
        pytest.param(assistant(delegation=ABSENT), id="act without delegation"),
        pytest.param(assistant(acr="pwd", amr=["pwd"]), id="act without second factor"),
    ],
)
def test_claims_are_refused(browser: Browser, provider: StandIn, misbehave: Misbehave) -> None:
    misbehave(provider)
    assert refused(browser) == "invalid_token"


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(forge(lambda _: unsigned), id="alg none"),
        pytest.param(forge(signed_with_public_key), id="HS256 with the public key"),
        pytest.param(forge(lambda _: signed_with_own_key()), id="another key under the same kid"),
        pytest.param(forge(lambda _: lambda token: token[:-8] + "AAAAAAAA"), id="signature changed"),
        pytest.param(forge(lambda _: lambda token: token.rpartition(".")[0] + "."), id="signature removed"),
        pytest.param(forge(lambda _: lambda token: "not.a.token"), id="no token at all"),
        pytest.param(forge(lambda _: lambda token: ""), id="empty token"),
        pytest.param(claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), id="at_hash of another access token"),
    ],
)
def test_signatures_are_checked(browser: Browser, provider: StandIn, misbehave: Misbehave) -> None:
    misbehave(provider)
    assert refused(browser) == "invalid_token"


@pytest.mark.attack(35)
@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(forge(lambda _: signed_with_own_key(jwk=True)), id="brings its own key"),
        pytest.param(forge(lambda p: signed_with_own_key(jku=f"{p.issuer}/evil")), id="names its own keys"),
        pytest.param(header(kid="../../etc/passwd"), id="kid is a path"),
    ],
)
def test_a_token_does_not_choose_its_key(browser: Browser, provider: StandIn, misbehave: Misbehave) -> None:
    misbehave(provider)
    assert refused(browser) == "invalid_token"
    assert provider.asked["/evil"] == 0


@pytest.mark.attack(36)
def test_an_unknown_critical_header_is_refused(browser: Browser, provider: StandIn) -> None:
    provider.does.forge = with_header({"alg": "RS256", "kid": "rsa-1", "crit": ["strict"], "strict": 1})
    assert refused(browser) == "invalid_token"


@pytest.mark.attack(38)
@pytest.mark.parametrize("typ", ["logout+jwt", "at+jwt"])
def test_another_kind_of_token_is_not_an_id_token(browser: Browser, provider: StandIn, typ: str) -> None:
    provider.does.header = {"typ": typ}
    assert refused(browser) == "invalid_token"


@pytest.mark.parametrize(
    ("misbehave", "code"),
    [
        pytest.param(answer(iss=ABSENT), "invalid_issuer", id="no iss"),
        pytest.param(answer(iss="https://evil.example"), "invalid_issuer", id="another iss"),
        pytest.param(
            answer(iss="https://evil.example", code=ABSENT, error="access_denied"), "invalid_issuer", id="err"
        ),
        pytest.param(answer(state=ABSENT), "invalid_state", id="no state"),
        pytest.param(answer(state="swapped"), "invalid_state", id="another state"),
        pytest.param(
            answer(state="swapped", error="access_denied"), "invalid_state", id="an error with any state"
        ),
        pytest.param(answer(code=ABSENT), "invalid_response", id="no code"),
        pytest.param(answer(code="guessed"), "invalid_grant", id="a code nobody gave"),
        pytest.param(answer(code=ABSENT, error="access_denied"), "access_denied", id="cancelled"),
        pytest.param(
            answer(code=ABSENT, error="unmet_authentication_requirements"),
            "unmet_authentication_requirements",
            id="too weak, says the provider",
        ),
        pytest.param(answer(code=ABSENT, error="server_error"), "server_error", id="provider error"),
        pytest.param(answer(code=ABSENT, error='"><script>'), "invalid_response", id="markup as an error"),
        pytest.param(token_answer(id_token=ABSENT), "invalid_response", id="no ID token"),
        pytest.param(token_answer(access_token=ABSENT), "invalid_response", id="no access token"),
        pytest.param(token_answer(token_type="mac"), "invalid_response", id="another token type"),
        pytest.param(token_answer(expires_in="soon"), "invalid_response", id="no lifetime"),
        pytest.param(claims(acr=ABSENT), "unmet_authentication_requirements", id="no acr"),
        pytest.param(claims(acr="gold"), "unmet_authentication_requirements", id="unknown acr"),
    ],
)
def test_answers_are_refused(browser: Browser, provider: StandIn, misbehave: Misbehave, code: str) -> None:
    misbehave(provider)
    assert refused(browser) == code


def test_a_parameter_sent_twice_is_refused(browser: Browser) -> None:
    address = browser.at_provider(browser.get("/login"))
    for name in ("state", "code", "iss"):
        assert 'data-error="invalid_request"' in browser.get(f"{address}&{name}=other").text
    assert not browser.is_signed_in()


def test_a_password_is_refused_where_two_factors_are_required(
    make_settings: Callable[..., Settings], clock: MovableClock, provider: StandIn
) -> None:
    provider.does.person = DOCTOR_BY_PASSWORD
    browser = Browser(create_app(make_settings(required_acr="mfa"), clock), provider)
    assert refused(browser) == "unmet_authentication_requirements"


def test_a_refused_sign_in_leaves_the_running_session_alone(browser: Browser, provider: StandIn) -> None:
    browser.open("/login")
    provider.does.claims = {"nonce": "another"}
    assert browser.open("/login").status_code == 502
    assert browser.is_signed_in()


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://evil.example"}, {"issuer": ABSENT}, {"token_endpoint": ABSENT}, {"jwks_uri": 7}],
)
def test_discovery_of_another_issuer_is_not_used(
    browser: Browser, provider: StandIn, discovery: dict[str, Any]
) -> None:
    provider.does.discovery = discovery
    page = browser.get("/login")
    assert page.status_code == 503
    assert 'data-error="provider_unavailable"' in page.text
    provider.does.discovery = {}
    assert browser.open("/login").status_code == 200


def test_discovery_does_not_configure_the_portals_http_client(browser: Browser, provider: StandIn) -> None:
    provider.does.discovery = {"scope": "openid everything", "verify": False, "max_redirects": 30}
    browser.open("/login")
    assert provider.requests[0]["scope"] == "openid profile practitioner offline_access"


def test_a_redirected_token_request_is_not_followed(browser: Browser, provider: StandIn) -> None:
    provider.does.token_status = 307
    assert refused_for_now(browser)
    assert provider.asked["/elsewhere"] == 0


def test_a_provider_that_is_down_at_the_exchange_is_told_as_such(browser: Browser, provider: StandIn) -> None:
    address = browser.at_provider(browser.get("/login"))
    provider.does.down = True
    page = browser.get(address)
    assert page.status_code == 503
    assert "Rien n’est perdu." in page.text
    assert not browser.is_signed_in()
    provider.does.down = False
    assert browser.open(retry_of(page)).status_code == 200
    assert browser.is_signed_in()
    assert 'data-error="invalid_state"' in browser.get(address).text


def test_a_code_whose_answer_was_lost_is_not_sent_again(browser: Browser, provider: StandIn) -> None:
    address = browser.at_provider(browser.get("/login?target_link_uri=/historique"))
    provider.does.lost_answers = 1
    assert browser.get(address).status_code == 503
    assert provider.asked["/oauth2/token"] == 1
    browser.open(address)
    assert browser.trail[-1] == "/historique"
    assert (provider.asked["/oauth2/token"], len(provider.requests)) == (2, 2)


def retry_of(page: TestResponse) -> str:
    (address,) = re.findall(r'<a class="main" href="([^"]+)">Réessayer', page.text)
    return html.unescape(address)


def refused_for_now(browser: Browser) -> bool:
    page = browser.open("/login")
    return (page.status_code, page.headers["Retry-After"], browser.is_signed_in()) == (503, "5", False)
