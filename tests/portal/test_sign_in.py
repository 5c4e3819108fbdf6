"""Identification at the provider and the way back."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from fse_portal.app import create_app
from fse_portal.settings import Settings
from joserfc.jwk import ECKey

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.stand_in import ABSENT, CLIENT_SECRET, StandIn


def test_the_home_page_leads_to_identification_and_on_to_the_portal(browser: Browser) -> None:
    home = browser.open("/")
    main = home.text.partition("<main")[2]
    assert home.status_code == 200
    assert 'href="/login"' in main
    page = browser.open("/login")
    assert page.status_code == 200
    assert "Praticien identifié : <strong>HKLOMTZULT FIFQOE</strong>" in page.text
    assert browser.open("/").request.path == "/fse"


def test_the_authorization_request_carries_pkce_state_and_nonce(browser: Browser, provider: StandIn) -> None:
    browser.open("/login")
    browser.open("/login")
    first, second = provider.requests
    assert (first["response_type"], first["client_id"]) == ("code", "portail-fse")
    assert first["scope"] == "openid profile practitioner offline_access"
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == "http://127.0.0.1:8081/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 20
        assert first[name] != second[name]
    assert "acr_values" not in first


def test_a_portal_that_requires_two_factors_asks_for_them(
    make_settings: Callable[..., Settings], clock: MovableClock, provider: StandIn
) -> None:
    browser = Browser(create_app(make_settings(required_acr="mfa"), clock), provider)
    assert browser.open("/login").status_code == 200
    assert provider.requests[0]["acr_values"] == "mfa"


def test_a_page_asked_for_without_a_session_is_shown_after_identification(browser: Browser) -> None:
    page = browser.open("/fse?caisse=CCSS&matricule=123456&date=2026-01-13")
    assert page.request.full_path == "/fse?caisse=CCSS&matricule=123456&date=2026-01-13"
    assert "Camille" in page.text


def test_the_session_cookie_is_for_this_host_and_for_no_script(
    make_settings: Callable[..., Settings], clock: MovableClock, provider: StandIn
) -> None:
    settings = make_settings(base_url="https://fse.example")
    browser = Browser(create_app(settings, clock), provider, "https://fse.example")
    began = browser.get("/login")
    assert "__Host-fse_login=" in began.headers["Set-Cookie"]
    cookies = browser.get(browser.at_provider(began)).headers.getlist("Set-Cookie")
    (cookie,) = [cookie for cookie in cookies if cookie.startswith("__Host-fse_session=")]
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    }


def test_the_database_alone_does_not_give_a_cookie(
    browser: Browser, make_settings: Callable[..., Settings]
) -> None:
    browser.open("/login")
    cookie = browser.session_cookie()
    database = make_settings().database
    assert database.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT * FROM session").fetchall()
    connection.close()
    assert len(rows) == 1
    assert cookie not in str(rows)


@pytest.mark.attack(24)
def test_a_callback_in_another_browser_is_refused(browser: Browser, other_browser: Browser) -> None:
    address = browser.at_provider(browser.get("/login"))
    other_browser.get("/login")
    refused = other_browser.get(address)
    assert refused.status_code == 400
    assert 'data-error="invalid_state"' in refused.text
    assert not other_browser.is_signed_in()
    assert browser.open(address).status_code == 200


def test_a_callback_works_once(browser: Browser) -> None:
    address = browser.at_provider(browser.get("/login"))
    assert browser.get(address).status_code == 302
    assert 'data-error="invalid_state"' in browser.get(address).text
    assert browser.is_signed_in()


def test_a_sign_in_started_long_ago_is_refused(browser: Browser, clock: MovableClock) -> None:
    began = browser.get("/login")
    clock.advance(seconds=3601)
    assert 'data-error="invalid_state"' in browser.get(browser.at_provider(began)).text


def test_two_tabs_may_sign_in_at_the_same_time(browser: Browser) -> None:
    one, two = browser.get("/login"), browser.get("/login?target_link_uri=/historique")
    assert browser.open(browser.at_provider(one)).request.path == "/fse"
    assert browser.open(browser.at_provider(two)).request.path == "/historique"


def test_many_unfinished_sign_ins_do_not_break_the_cookie(browser: Browser) -> None:
    for _ in range(60):
        began = browser.get("/login")
        assert len(began.headers["Set-Cookie"]) < 2000
    assert browser.open(browser.at_provider(began)).status_code == 200


@pytest.mark.attack(27)
def test_a_session_id_is_new_at_every_sign_in_and_the_old_one_dies(browser: Browser) -> None:
    browser.client.set_cookie("fse_session", "known-beforehand", domain="127.0.0.1")
    seen = {"known-beforehand"}
    for _ in range(2):
        browser.open("/login")
        current = browser.session_cookie()
        assert current not in seen
        seen.add(current)
    for old in seen - {current}:
        browser.client.set_cookie("fse_session", old, domain="127.0.0.1")
        assert not browser.is_signed_in()


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_provider_may_start_the_sign_in(browser: Browser, provider: StandIn, method: str) -> None:
    asked = {"iss": provider.issuer, "target_link_uri": "http://127.0.0.1:8081/historique"}
    if method == "get":
        began = browser.client.get("/login", query_string=asked, base_url=browser.base_url)
    else:
        began = browser.post("/login", asked)
    assert browser.open(browser.at_provider(began)).request.path == "/historique"


@pytest.mark.parametrize("iss", ["https://evil.example", ""])
def test_nobody_else_may_start_the_sign_in(browser: Browser, iss: str) -> None:
    refused = browser.get(f"/login?iss={iss}&target_link_uri=/historique")
    assert refused.status_code == 400
    assert 'data-error="invalid_issuer"' in refused.text


@pytest.mark.attack(26)
@pytest.mark.parametrize(
    "target", ["//evil.example", "%5Cevil.example", "/%5Cevil.example", "https://evil.example"]
)
def test_a_sign_in_never_leads_to_another_site(browser: Browser, target: str) -> None:
    assert browser.open(f"/login?target_link_uri={target}&next={target}").request.path == "/fse"
    assert browser.trail[-1] == "/fse"


def test_a_name_missing_in_the_id_token_is_asked_of_userinfo(browser: Browser, provider: StandIn) -> None:
    provider.does.claims = {"name": ABSENT}
    assert "HKLOMTZULT FIFQOE" in browser.open("/login").text


def test_the_name_is_not_taken_from_somebody_elses_userinfo(browser: Browser, provider: StandIn) -> None:
    provider.does.claims = {"name": ABSENT}
    provider.does.userinfo = {"sub": "p-2"}
    assert 'data-error="invalid_token"' in browser.open("/login").text
    assert not browser.is_signed_in()


def test_a_new_key_is_fetched_when_it_is_needed(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    provider.keys.append(ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"}))
    clock.advance(seconds=11)
    assert browser.open("/login").status_code == 200
    assert provider.asked["/oauth2/jwks"] == 2


def test_unknown_keys_are_looked_for_at_most_every_ten_seconds(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    provider.does.header = {"kid": "unknown"}
    for _ in range(3):
        assert 'data-error="invalid_token"' in browser.open("/login").text
    assert provider.asked["/oauth2/jwks"] == 1
    clock.advance(seconds=10)
    browser.open("/login")
    assert provider.asked["/oauth2/jwks"] == 2


def test_a_withdrawn_key_is_forgotten_after_ten_minutes(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    clock.advance(seconds=600)
    browser.open("/login")
    assert provider.asked["/oauth2/jwks"] == 2


@pytest.mark.attack(70)
def test_no_token_code_or_secret_is_logged(
    browser: Browser, provider: StandIn, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        address = browser.at_provider(browser.get("/login"))
        browser.open(address)
        clock.advance(seconds=290)
        browser.open("/fse")
        browser.get(address)
        provider.does.claims = {"nonce": "wrong"}
        browser.open("/login")
    secrets = [CLIENT_SECRET, *provider.minted, *parse_qs(urlsplit(address).query)["code"]]
    assert provider.asked["/oauth2/token"] == 3
    assert len(secrets) == 13
    assert not [secret for secret in secrets if secret in caplog.text]


def test_the_portal_is_up_without_its_provider(portal: Flask, provider: StandIn) -> None:
    provider.does.down = True
    assert portal.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_a_lost_database_is_told_as_such(browser: Browser, make_settings: Callable[..., Settings]) -> None:
    browser.open("/login")
    with sqlite3.connect(make_settings().database) as connection:
        connection.execute("DROP TABLE session")
    connection.close()
    answer = browser.get("/fse")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert 'data-error="storage_unavailable"' in answer.text
    assert browser.get("/healthz").status_code == 503
