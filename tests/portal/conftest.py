"""A portal, a stand-in provider, and a browser between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from fse_portal.app import create_app
from fse_portal.settings import Settings, load_settings
from werkzeug.test import Client, TestResponse

from tests.clock import MovableClock
from tests.portal.stand_in import CLIENT_ID, CLIENT_SECRET, DOCTOR_BY_PASSWORD, Behaviour, StandIn

BASE_URL = "http://127.0.0.1:8081"


@pytest.fixture(scope="session")
def running_provider() -> Iterator[StandIn]:
    provider = StandIn(MovableClock())
    yield provider
    provider.close()


@pytest.fixture
def provider(running_provider: StandIn, clock: MovableClock) -> StandIn:
    running_provider.clock = clock
    running_provider.does = Behaviour()
    running_provider.keys = running_provider.keys[:1]
    running_provider.asked.clear()
    running_provider.requests.clear()
    running_provider.minted.clear()
    running_provider.given_back.clear()
    running_provider.before_refresh = lambda: None
    return running_provider


@pytest.fixture
def make_settings(provider: StandIn, tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        return load_settings(
            **{
                "issuer": provider.issuer,
                "base_url": BASE_URL,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "secret_key": "k" * 32,
                "database": tmp_path / "portal.sqlite",
            }
            | changes
        )

    return make


@pytest.fixture
def portal(make_settings: Callable[..., Settings], clock: MovableClock) -> Flask:
    return create_app(make_settings(), clock)


class Browser:
    """One browser with its cookies; it crosses between portal and provider as a browser does."""

    def __init__(self, portal: Flask, provider: StandIn, base_url: str = BASE_URL) -> None:
        self.portal = portal
        self.client = Client(portal, TestResponse)
        self.provider = provider
        self.base_url = base_url
        self.trail: list[str] = []

    def get(self, address: str) -> TestResponse:
        """One request to the portal, redirects not followed."""
        return self.client.get(address.removeprefix(self.base_url), base_url=self.base_url)

    def post(self, path: str, form: dict[str, str]) -> TestResponse:
        return self.client.post(path, data=form, base_url=self.base_url)

    def at_provider(self, response: TestResponse) -> str:
        """Let the provider answer the authorization request; return the address of the callback."""
        assert response.status_code == 302, response.text
        answer = requests.get(response.location, allow_redirects=False, timeout=5)
        assert answer.headers["Location"].startswith(f"{self.base_url}/callback?")
        return answer.headers["Location"]

    def open(self, address: str) -> TestResponse:
        """Go there as a browser would, through identification when asked; return the last page."""
        response = self.get(address)
        self.trail = [address]
        while response.status_code == 302:
            assert len(self.trail) < 10, self.trail
            if response.location.startswith(f"{self.provider.issuer}/oauth2/authorize"):
                address = self.at_provider(response)
            elif response.location.startswith(("/", self.base_url)):
                address = response.location
            else:
                break
            self.trail.append(address)
            response = self.get(address)
        return response

    def session_cookie(self) -> str:
        cookie = self.client.get_cookie("fse_session", domain="127.0.0.1")
        assert cookie
        return cookie.value

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.get("/formulaires").text)
        assert found
        return found[1]

    def is_signed_in(self) -> bool:
        return self.get("/").status_code == 302


@pytest.fixture
def browser(portal: Flask, provider: StandIn) -> Browser:
    return Browser(portal, provider)


@pytest.fixture
def other_browser(portal: Flask, provider: StandIn) -> Browser:
    return Browser(portal, provider)


@pytest.fixture
def by_password(browser: Browser, provider: StandIn) -> Browser:
    provider.does.person = DOCTOR_BY_PASSWORD
    browser.open("/login")
    return browser


@pytest.fixture
def secured(browser: Browser) -> Browser:
    browser.open("/login")
    return browser
