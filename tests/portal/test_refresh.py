"""A session outlives its access token: refreshed in time, by one request at a time, and no lost answer ends it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from fse_portal.app import create_app
from fse_portal.settings import Settings

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.stand_in import ABSENT, ASSISTANT, StandIn

SEARCH = "/fse?date=2026-01-13&caisse=CCSS&matricule=123456"
NEARLY_OVER = 285
"""Seconds after which an access token of 300 is refreshed."""


@pytest.fixture
def signed_in(browser: Browser, provider: StandIn) -> Browser:
    browser.open("/login")
    provider.asked.clear()
    provider.requests.clear()
    return browser


def tokens_in_file(settings: Settings) -> tuple[str, str]:
    connection = sqlite3.connect(settings.database)
    try:
        (row,) = connection.execute("SELECT access_token, refresh_token FROM session").fetchall()
    finally:
        connection.close()
    return row[0], row[1]


def tab_of(browser: Browser, portal: Flask) -> Browser:
    """The same browser's cookie, in a portal process of its own if another ``portal`` is given."""
    tab = Browser(portal, browser.provider)
    tab.client.set_cookie("fse_session", browser.session_cookie(), domain="127.0.0.1")
    return tab


def test_the_tokens_are_refreshed_before_the_access_token_ends(
    signed_in: Browser, provider: StandIn, clock: MovableClock, make_settings: Callable[..., Settings]
) -> None:
    before = tokens_in_file(make_settings())
    clock.advance(seconds=NEARLY_OVER)
    assert signed_in.get("/fse").status_code == 200
    after = tokens_in_file(make_settings())
    assert not set(before) & set(after)
    assert (provider.asked["/oauth2/token"], provider.asked["/oauth2/userinfo"]) == (1, 0)
    clock.advance(seconds=2)
    assert signed_in.get("/fse").status_code == 200
    assert (provider.asked["/oauth2/token"], provider.asked["/oauth2/userinfo"]) == (1, 1)


def test_in_use_a_session_lives_for_hours_without_another_sign_in_and_then_ends(
    signed_in: Browser, provider: StandIn, clock: MovableClock
) -> None:
    for _ in range(24):
        clock.advance(seconds=1199)
        assert "Camille" in signed_in.get(SEARCH).text
    clock.advance(seconds=24)
    assert signed_in.get(SEARCH).status_code == 302
    assert not provider.requests


def test_unused_for_half_an_hour_it_asks_who_is_there(
    signed_in: Browser, provider: StandIn, clock: MovableClock
) -> None:
    clock.advance(seconds=1800)
    assert "Camille" in signed_in.open(SEARCH).text
    assert len(provider.requests) == 1
    assert provider.asked["/oauth2/token"] == 1


def test_a_lost_answer_ends_nothing(
    signed_in: Browser, provider: StandIn, clock: MovableClock, make_settings: Callable[..., Settings]
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    provider.does.lost_answers = 1
    assert signed_in.get("/fse").status_code == 200
    assert provider.asked["/oauth2/token"] == 2
    assert provider.refresh_tokens[tokens_in_file(make_settings())[1]] is None


def test_two_lost_answers_are_a_page_that_can_be_reloaded(
    signed_in: Browser, provider: StandIn, clock: MovableClock
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    provider.does.lost_answers = 2
    page = signed_in.get(SEARCH)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "Camille" in signed_in.get(SEARCH).text
    assert not provider.requests


def test_a_refused_refresh_ends_the_session_and_the_person_comes_back_to_the_page(
    browser: Browser, provider: StandIn, clock: MovableClock
) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    clock.advance(seconds=NEARLY_OVER)
    provider.does.grant_ended = True
    sent = browser.get(SEARCH)
    assert sent.location.startswith("/login?target_link_uri=/fse?date%3D2026")
    assert not browser.is_signed_in()
    provider.does.grant_ended = False
    assert "Camille" in browser.open(SEARCH).text


@pytest.mark.parametrize("failure", ["down", 500, 401, 302])
def test_when_the_provider_does_not_answer_the_session_stays(
    signed_in: Browser, provider: StandIn, clock: MovableClock, failure: str | int
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    if failure == "down":
        provider.does.down = True
    else:
        provider.does.token_status = int(failure)
    assert 'data-error="provider_unavailable"' in signed_in.get("/fse").text
    provider.does.down, provider.does.token_status = False, 200
    assert signed_in.get("/fse").status_code == 200


def test_an_access_token_that_ended_early_is_refreshed_on_need(
    signed_in: Browser, provider: StandIn, clock: MovableClock
) -> None:
    """The provider's clock may be ahead of the portal's: userinfo refuses, the refresh is honoured."""
    clock.advance(seconds=10)
    refused: list[int] = []

    def honoured_from_here() -> None:
        refused.append(provider.does.userinfo_status)
        provider.does.userinfo_status = 200

    provider.does.userinfo_status = 401
    provider.before_refresh = honoured_from_here
    assert signed_in.get("/fse").status_code == 200
    assert refused == [401]
    assert (provider.asked["/oauth2/token"], provider.asked["/oauth2/userinfo"]) == (1, 2)


def test_tabs_of_one_browser_in_two_processes_refresh_once(
    signed_in: Browser,
    portal: Flask,
    provider: StandIn,
    clock: MovableClock,
    make_settings: Callable[..., Settings],
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    other_process = create_app(make_settings(), clock)
    asked = threading.Event()
    others_wait = threading.Barrier(2)

    def hold() -> None:
        asked.set()
        others_wait.wait(10)

    provider.before_refresh = hold
    with ThreadPoolExecutor(3) as tabs:
        first = tabs.submit(tab_of(signed_in, portal).get, "/fse")
        assert asked.wait(10)
        second = tabs.submit(tab_of(signed_in, other_process).get, "/fse")
        others_wait.wait(10)
        assert (first.result(10).status_code, second.result(10).status_code) == (200, 200)
    assert provider.asked["/oauth2/token"] == 1


def test_a_process_that_comes_back_late_does_not_overwrite_what_another_got_since(
    signed_in: Browser,
    portal: Flask,
    provider: StandIn,
    clock: MovableClock,
    make_settings: Callable[..., Settings],
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    other_process = create_app(make_settings(), clock)
    since: list[tuple[str, str]] = []

    def hold_beyond_the_claim() -> None:
        provider.before_refresh = lambda: None
        clock.advance(seconds=8)
        assert tab_of(signed_in, other_process).get("/fse").status_code == 200
        since.append(tokens_in_file(make_settings()))

    provider.before_refresh = hold_beyond_the_claim
    assert tab_of(signed_in, portal).get("/fse").status_code == 200
    assert provider.asked["/oauth2/token"] == 2
    assert [tokens_in_file(make_settings())] == since


def test_a_process_that_died_with_the_refresh_holds_nobody_up_for_long(
    signed_in: Browser, provider: StandIn, clock: MovableClock, make_settings: Callable[..., Settings]
) -> None:
    clock.advance(seconds=NEARLY_OVER)
    connection = sqlite3.connect(make_settings().database, isolation_level=None)
    until = (clock.now() + timedelta(seconds=8)).timestamp()
    connection.execute("UPDATE session SET refreshing_until = ?", (until,))
    connection.close()
    clock.advance(seconds=8)
    assert signed_in.get("/fse").status_code == 200
    assert provider.asked["/oauth2/token"] == 1


def test_signing_out_wins_against_a_refresh_under_way(
    signed_in: Browser, portal: Flask, provider: StandIn, clock: MovableClock
) -> None:
    token = signed_in.form_token()
    tab = tab_of(signed_in, portal)
    clock.advance(seconds=NEARLY_OVER)
    provider.before_refresh = lambda: signed_in.post("/logout", {"form_token": token})
    assert tab.get("/fse").status_code == 302
    assert not tab.is_signed_in()


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "p-2"},
        {"act": {"sub": "a-2", "name": "AUTRE"}},
        {"sid": "s-2"},
        {"auth_time": 1},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"acr": "pwd", "amr": ["pwd"], "act": ABSENT, "delegation": ABSENT},
    ],
)
def test_a_refresh_that_speaks_of_somebody_else_ends_the_session(
    browser: Browser, provider: StandIn, clock: MovableClock, changed: dict[str, Any]
) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    clock.advance(seconds=NEARLY_OVER)
    provider.does.claims = changed
    assert browser.get("/fse").status_code == 302
    assert not browser.is_signed_in()


@pytest.mark.parametrize("kept", ["id_token", "refresh_token"])
def test_what_a_refresh_leaves_out_stays_as_it_was(
    signed_in: Browser, provider: StandIn, clock: MovableClock, kept: str
) -> None:
    provider.does.token_answer = {kept: ABSENT}
    clock.advance(seconds=NEARLY_OVER)
    assert signed_in.get("/fse").status_code == 200
    assert not provider.requests


@pytest.mark.parametrize("answer", [{"access_token": ABSENT}, {"expires_in": "soon"}, {"token_type": "mac"}])
def test_a_malformed_answer_opens_nothing_and_ends_nothing(
    signed_in: Browser, provider: StandIn, clock: MovableClock, answer: dict[str, Any]
) -> None:
    provider.does.token_answer = answer
    clock.advance(seconds=NEARLY_OVER)
    assert signed_in.get("/fse").status_code == 503
    provider.does.token_answer = {}
    assert signed_in.get("/fse").status_code == 200


def test_sessions_of_the_portal_before_refresh_tokens_begin_anew(
    make_settings: Callable[..., Settings], clock: MovableClock, provider: StandIn
) -> None:
    settings = make_settings()
    connection = sqlite3.connect(settings.database)
    connection.execute("CREATE TABLE session (key TEXT PRIMARY KEY, identity TEXT)")
    connection.commit()
    connection.close()
    browser = Browser(create_app(settings, clock), provider)
    assert browser.open("/fse").status_code == 200
