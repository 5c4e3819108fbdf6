"""The way out: here, then at the provider."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.portal.conftest import Browser
from tests.portal.stand_in import ABSENT, StandIn


def test_logout_ends_the_session_here_and_leads_to_the_providers(browser: Browser, provider: StandIn) -> None:
    browser.open("/login")
    cookie = browser.session_cookie()
    sent = browser.post("/logout", {"form_token": browser.form_token()})
    address = urlsplit(sent.location)
    told = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.issuer}/logout"
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


def test_logout_without_a_session_says_goodbye(browser: Browser) -> None:
    assert browser.post("/logout", {}).location == "/goodbye"
    assert "déconnecté" in browser.get("/goodbye").text


@pytest.mark.parametrize("reason", ["not offered", "down"])
def test_when_the_provider_cannot_sign_out_the_next_person_is_asked(
    browser: Browser, provider: StandIn, reason: str
) -> None:
    provider.does.discovery = {"end_session_endpoint": ABSENT} if reason == "not offered" else {}
    browser.open("/login")
    token = browser.form_token()
    if reason == "down":
        forget_discovery(browser)
        provider.does.down = True
    assert browser.post("/logout", {"form_token": token}).location == "/goodbye"
    assert not browser.is_signed_in()
    provider.does.down = False
    browser.open("/login")
    browser.open("/login")
    assert [asked.get("prompt") for asked in provider.requests[-2:]] == ["login", None]


def forget_discovery(browser: Browser) -> None:
    """As after a restart of the portal."""
    client = browser.portal.extensions["authlib.integrations.flask_client"].create_client("fse")
    client._metadata = None
