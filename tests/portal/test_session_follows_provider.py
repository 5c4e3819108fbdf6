"""A portal session lives as long as the provider vouches for it, and not two seconds longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.stand_in import ABSENT, ASSISTANT, StandIn

SEARCH = "/fse?date=2026-01-13&caisse=CCSS&matricule=123456"


def test_the_provider_is_asked_at_most_every_two_seconds(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    for _ in range(3):
        browser.get("/fse")
    assert provider.asked["/oauth2/userinfo"] == 0
    clock.advance(seconds=2)
    for _ in range(3):
        assert browser.get("/fse").status_code == 200
    assert provider.asked["/oauth2/userinfo"] == 1


def test_the_clock_put_back_does_not_extend_trust(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    clock.advance(seconds=-3600)
    browser.get("/fse")
    assert provider.asked["/oauth2/userinfo"] == 1


@pytest.mark.attack(52)
@pytest.mark.parametrize("status", [401, 403])
def test_a_removed_assistant_is_out_at_the_next_page(
    browser: Browser, provider: StandIn, clock: MovableClock, status: int
) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    provider.does.userinfo_status = status
    clock.advance(seconds=2)
    sent = browser.get(SEARCH)
    assert sent.location.startswith("/login?target_link_uri=/fse?date%3D2026")
    provider.does.userinfo_status = 200
    assert not browser.is_signed_in()


def test_a_search_survives_a_new_identification(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    browser.open("/login")
    provider.does.userinfo_status = 401
    clock.advance(seconds=2)
    assert "Camille" in browser.open(SEARCH).text
    assert browser.trail[-1] == SEARCH


def test_without_a_refresh_token_the_end_of_the_access_token_costs_a_silent_sign_in(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    provider.does.token_answer = {"refresh_token": ABSENT}
    browser.open("/login")
    clock.advance(seconds=300)
    assert "Camille" in browser.open(SEARCH).text
    assert provider.asked["/oauth2/userinfo"] == 0
    assert len(provider.requests) == 2


@pytest.mark.parametrize("other", [{"sub": "p-2"}, {"act": {"sub": "a-2", "name": "AUTRE"}}])
def test_userinfo_about_somebody_else_ends_the_session(
    browser: Browser, provider: StandIn, clock: MovableClock, other: dict[str, object]
) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    provider.does.userinfo = other
    clock.advance(seconds=2)
    assert browser.get("/fse").status_code == 302
    assert not browser.is_signed_in()


@pytest.mark.parametrize("failure", ["down", 500, 503, 302])
def test_without_an_answer_the_page_waits_and_the_session_stays(
    browser: Browser, provider: StandIn, clock: MovableClock, failure: str | int
) -> None:
    browser.open("/login")
    clock.advance(seconds=2)
    if failure == "down":
        provider.does.down = True
    else:
        provider.does.userinfo_status = int(failure)
    page = browser.get(SEARCH)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert 'data-error="provider_unavailable"' in page.text
    assert "Camille" not in page.text
    assert f'href="{SEARCH.replace("&", "&amp;")}"' in page.text
    provider.does.down, provider.does.userinfo_status = False, 200
    assert "Camille" in browser.get(SEARCH).text


def test_simultaneous_pages_of_one_browser_ask_once(
    portal: Flask, provider: StandIn, clock: MovableClock, browser: Browser
) -> None:
    browser.open("/login")
    clock.advance(seconds=2)
    cookie = browser.session_cookie()

    def page(_: int) -> int:
        tab = Browser(portal, provider)
        tab.client.set_cookie("fse_session", cookie, domain="127.0.0.1")
        return tab.get("/fse").status_code

    with ThreadPoolExecutor(8) as tabs:
        assert set(tabs.map(page, range(8))) == {200}
    assert provider.asked["/oauth2/userinfo"] == 1
