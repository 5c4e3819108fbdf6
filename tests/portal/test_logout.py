"""The way out: here, then at the provider."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.stand_in import ABSENT, StandIn

IDLE = 1800
LONGEST = 8 * 3600


def test_logout_ends_the_session_here_and_leads_to_the_providers(browser: Browser, provider: StandIn) -> None:
    browser.open("/login")
    cookie = browser.session_cookie()
    sent = browser.post("/logout", {"form_token": browser.form_token()})
    told = told_at_logout(provider, sent.location)
    assert told["id_token_hint"] in provider.minted
    assert told["client_id"] == "portail-fse"
    assert told["post_logout_redirect_uri"] == "http://127.0.0.1:8081/goodbye"
    browser.client.set_cookie("fse_session", cookie, domain="127.0.0.1")
    assert not browser.is_signed_in()


@pytest.mark.parametrize("form", [{}, {"form_token": ""}, {"form_token": "guessed"}, {"form_token": "é"}])
def test_another_site_cannot_sign_somebody_out(browser: Browser, form: dict[str, str]) -> None:
    browser.open("/login")
    refused = browser.post("/logout", form)
    assert refused.status_code == 400
    assert 'data-error="invalid_form"' in refused.text
    assert browser.is_signed_in()


def test_logout_by_link_is_not_possible(browser: Browser) -> None:
    browser.open("/login")
    assert browser.get("/logout").status_code == 405
    assert browser.is_signed_in()


@pytest.mark.parametrize("seconds", [IDLE, LONGEST, 12 * 3600 + LONGEST - 1])
def test_logout_after_the_session_expired_still_ends_the_providers_and_nothing_else_works(
    browser: Browser, provider: StandIn, clock: MovableClock, seconds: int
) -> None:
    browser.open("/login")
    token, cookie = browser.form_token(), browser.session_cookie()
    clock.advance(seconds=seconds)
    provider.asked.clear()
    assert not browser.is_signed_in()
    assert browser.get("/formulaires").location.startswith("/login?")
    assert not provider.asked
    told = told_at_logout(provider, browser.post("/logout", {"form_token": token}).location)
    assert told["id_token_hint"] in provider.minted
    assert told["post_logout_redirect_uri"] == "http://127.0.0.1:8081/goodbye"
    browser.client.set_cookie("fse_session", cookie, domain="127.0.0.1")
    again = browser.post("/logout", {"form_token": token})
    assert told_at_logout(provider, again.location) == {"client_id": "portail-fse"}


def test_another_site_cannot_sign_somebody_out_after_the_session_expired(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    token = browser.form_token()
    clock.advance(seconds=IDLE)
    assert browser.post("/logout", {"form_token": "guessed"}).status_code == 400
    sent = browser.post("/logout", {"form_token": token})
    assert "id_token_hint" in told_at_logout(provider, sent.location)


def test_twelve_hours_after_it_expired_a_session_is_no_hint_and_the_next_sign_in_removes_it(
    browser: Browser, other_browser: Browser, provider: StandIn, clock: MovableClock, tmp_path: Path
) -> None:
    browser.open("/login")
    token = browser.form_token()
    clock.advance(seconds=12 * 3600 + LONGEST)
    sent = browser.post("/logout", {"form_token": token})
    assert told_at_logout(provider, sent.location) == {"client_id": "portail-fse"}
    other_browser.open("/login")
    file = sqlite3.connect(tmp_path / "portal.sqlite")
    try:
        assert file.execute("SELECT count(*) FROM session").fetchone() == (1,)
    finally:
        file.close()


def test_a_post_without_our_cookie_leads_to_the_providers_question_and_touches_no_cookie(
    browser: Browser, provider: StandIn
) -> None:
    sent = browser.post("/logout", {})
    assert told_at_logout(provider, sent.location) == {"client_id": "portail-fse"}
    assert "Set-Cookie" not in sent.headers


def test_logout_of_a_session_that_the_provider_ended_leads_to_its_question(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    token = browser.form_token()
    provider.does.userinfo_status = 401
    clock.advance(seconds=2)
    assert browser.get("/formulaires").status_code == 302
    sent = browser.post("/logout", {"form_token": token})
    assert told_at_logout(provider, sent.location) == {"client_id": "portail-fse"}


def test_goodbye_after_the_providers_logout_says_so(browser: Browser) -> None:
    assert "Vous êtes déconnecté(e)" in browser.get("/goodbye").text


@pytest.mark.parametrize("seconds", [0, IDLE, 24 * 3600])
@pytest.mark.parametrize("reason", ["not offered", "down"])
def test_when_the_provider_cannot_sign_out_the_page_says_so_and_the_next_person_is_asked(
    browser: Browser, provider: StandIn, clock: MovableClock, reason: str, seconds: int
) -> None:
    provider.does.discovery = {"end_session_endpoint": ABSENT} if reason == "not offered" else {}
    browser.open("/login")
    token = browser.form_token()
    clock.advance(seconds=seconds)
    if reason == "down":
        forget_discovery(browser)
        provider.does.down = True
    assert browser.post("/logout", {"form_token": token}).location == "/goodbye"
    assert not browser.is_signed_in()
    page = browser.get("/goodbye").text
    assert 'data-error="logout_incomplete"' in page
    assert "Vous êtes déconnecté" not in page
    provider.does.down = False
    browser.open("/login")
    browser.open("/login")
    assert [asked.get("prompt") for asked in provider.requests[-2:]] == ["login", None]


def told_at_logout(provider: StandIn, location: str) -> dict[str, str]:
    """What the browser brings to the provider's end-session endpoint, where it must lead."""
    address = urlsplit(location)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/logout"
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def forget_discovery(browser: Browser) -> None:
    """As after a restart of the portal."""
    browser.portal.extensions["relying_party"]._provider._metadata = None
