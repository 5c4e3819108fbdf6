"""What a portal may do with the extension beyond what the FSE portal does; that one's tests hold for it too."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask_relying_party import RelyingParty, SignInFailed
from werkzeug.test import TestResponse

from tests.portal.conftest import BASE_URL, Browser
from tests.portal.stand_in import ABSENT, ASSISTANT, DOCTOR, DOCTOR_BY_PASSWORD, StandIn
from tests.relying_party_extension.conftest import NewPortal

SAVE = "/strong/a%20b%C3%A9/save?page=2"


def token_of(page: TestResponse) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def signed_in_by_password(browser: Browser, provider: StandIn) -> str:
    """Sign in and return the form token."""
    provider.does.person = DOCTOR_BY_PASSWORD
    return token_of(browser.open("/form"))


def test_a_page_that_demands_more_is_shown_after_the_step_up_with_its_query(
    browser: Browser, provider: StandIn
) -> None:
    signed_in_by_password(browser, provider)
    needed = browser.get("/strong/a%20b?x=1&x=%C3%A9&y=a+b")
    provider.does.person = DOCTOR
    back = browser.get(browser.at_provider(needed))
    assert (provider.requests[-1]["acr_values"], provider.requests[-1]["max_age"]) == ("mfa", "900")
    # Its view is async, and a browser of other tests may keep a loop running in this thread.
    with ThreadPoolExecutor(1) as apart:
        page = apart.submit(browser.get, back.location).result()
    assert page.json == {"name": "a b", "asked": {"x": ["1", "é"], "y": ["a b"]}, "acr": "mfa"}
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.attack(29)
@pytest.mark.parametrize("changed", [{}, {"auth_time": 1}])
def test_a_page_is_refused_when_no_more_was_proved_and_the_browser_does_not_go_round(
    browser: Browser, provider: StandIn, changed: dict[str, Any]
) -> None:
    signed_in_by_password(browser, provider)
    provider.does.person = DOCTOR if changed else DOCTOR_BY_PASSWORD
    provider.does.claims = changed
    page = browser.open("/strong/a")
    assert (page.status_code, page.request.path) == (403, "/callback")
    assert 'data-error="not_stepped_up"' in page.text
    assert browser.get("/").json == {"visitor": "HKLOMTZULT FIFQOE", "told": []}


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_form_is_done_after_the_step_up_as_it_was_sent(
    browser: Browser, provider: StandIn, method: str
) -> None:
    typed = {"form_token": signed_in_by_password(browser, provider), "both": ["1", "2"], "é": "<é&>"}
    needed = browser.client.open(SAVE, method=method, data=typed, base_url=BASE_URL)
    provider.does.person = DOCTOR
    done = browser.get(browser.at_provider(needed))
    assert done.json == {
        "name": "a bé",
        "asked": "2",
        "typed": {"both": ["1", "2"], "é": ["<é&>"]},
        "referrer": f"{BASE_URL}/strong/a%20b%C3%A9/save",
    }
    told = browser.get("/").json
    assert told == {"visitor": "HKLOMTZULT FIFQOE", "told": ["saved"]}, "the portal's own session holds"


def test_a_view_may_demand_more_for_what_was_typed(browser: Browser, provider: StandIn) -> None:
    token = signed_in_by_password(browser, provider)
    assert browser.post("/large", {"form_token": token, "amount": "10"}).json == {"paid": "10"}
    needed = browser.post("/large", {"form_token": token, "amount": "1000"})
    again = browser.get(browser.at_provider(needed))
    assert (again.status_code, 'data-error="not_stepped_up"' in again.text) == (403, True)


def test_the_plain_page_asks_another_person_of_the_account_before_it_goes_on(
    browser: Browser, provider: StandIn
) -> None:
    token = signed_in_by_password(browser, provider)
    needed = browser.post(SAVE, {"form_token": token, "amount": '1"<'})
    provider.does.person = ASSISTANT
    page = browser.get(browser.at_provider(needed))
    assert (page.status_code, 'data-error="other_person"' in page.text) == (403, True)
    assert f'action="{SAVE}"' in page.text
    assert 'name="amount" value="1&#34;&lt;"' in page.text
    assert token_of(page) != token
    done = browser.post(SAVE, {"form_token": token_of(page), "amount": '1"<'})
    assert done.json is not None
    assert done.json["typed"] == {"amount": ['1"<']}


def test_a_form_with_a_file_is_not_done_without_it(browser: Browser, provider: StandIn) -> None:
    token = signed_in_by_password(browser, provider)
    needed = browser.client.post(
        SAVE, data={"form_token": token, "file": (io.BytesIO(b"x"), "x.pdf")}, base_url=BASE_URL
    )
    provider.does.person = DOCTOR
    assert browser.get(browser.at_provider(needed)).location == "/"
    assert browser.get("/").json == {"visitor": "HKLOMTZULT FIFQOE", "told": []}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("token", ["", "guessed", "é"])
def test_another_sites_form_does_nothing(browser: Browser, token: str, method: str) -> None:
    browser.open("/form")
    refused = browser.client.open(SAVE, method=method, data={"form_token": token}, base_url=BASE_URL)
    assert (refused.status_code, 'data-error="invalid_form"' in refused.text) == (400, True)


@pytest.mark.attack(63)
def test_what_is_closed_to_assistants_is_closed_to_them_alone(browser: Browser, provider: StandIn) -> None:
    page = browser.open("/own")
    assert (page.text, page.headers["Cache-Control"]) == ("own", "private")
    provider.does.person = ASSISTANT
    browser.open("/login")
    refused = browser.get("/own")
    assert (refused.status_code, 'data-error="assistants_refused"' in refused.text) == (403, True)


def test_what_was_typed_where_assistants_are_refused_is_not_shown_to_one(
    browser: Browser, provider: StandIn
) -> None:
    token = signed_in_by_password(browser, provider)
    needed = browser.post("/own", {"form_token": token, "amount": "4711"})
    provider.does.person = ASSISTANT
    page = browser.get(browser.at_provider(needed))
    assert (page.status_code, 'data-error="assistants_refused"' in page.text) == (403, True)
    assert "4711" not in page.text


def test_all_claims_are_asked_of_the_provider_now(browser: Browser, provider: StandIn) -> None:
    provider.does.userinfo = {"email": "anne@example.org"}
    browser.open("/form")
    claims = browser.get("/claims").json
    assert claims is not None
    assert claims["email"] == "anne@example.org"
    provider.does.userinfo = {"sub": "p-2"}
    assert 'data-error="session_ended"' in browser.get("/claims").text


def test_nobody_is_asked_for_an_open_page(browser: Browser, provider: StandIn) -> None:
    assert browser.get("/").json == {"visitor": None, "told": []}
    assert not provider.asked


def test_who_is_there_is_not_told_before_somebody_asked(browser: Browser, portal: Flask) -> None:
    browser.open("/form")
    portal.testing = True
    with pytest.raises(RuntimeError, match="login_required"):
        browser.get("/unprotected")


@pytest.mark.parametrize("path", ["/unprotected", "/large", "/static/x", "/login"])
def test_a_sign_in_leads_to_the_first_page_for_what_asks_nobody(
    new_portal: NewPortal, provider: StandIn, path: str
) -> None:
    browser = Browser(new_portal(first_page="/form"), provider)
    assert browser.open(f"/login?target_link_uri={path}").request.path == "/form"


def test_a_portal_may_render_its_own_errors(portal: Flask, browser: Browser, provider: StandIn) -> None:
    @portal.errorhandler(SignInFailed)
    def failed(error: SignInFailed) -> tuple[dict[str, str], int]:
        return {"code": error.code, "title": error.title, "retry": error.retry}, error.status

    provider.does.answer = {"code": ABSENT, "error": "access_denied"}
    page = browser.open("/form")
    told = {"code": "access_denied", "title": "L’identification n’a pas abouti", "retry": "/login"}
    assert (page.status_code, page.json) == (403, told)


@pytest.mark.parametrize("wrong", ["x", "x.y.z", "W10.x"])
def test_a_tampered_cookie_of_started_sign_ins_is_none(browser: Browser, wrong: str) -> None:
    address = browser.at_provider(browser.get("/login"))
    browser.client.set_cookie("sso_login", wrong, domain="127.0.0.1")
    assert 'data-error="invalid_state"' in browser.get(address).text


@pytest.mark.attack(28)
@pytest.mark.parametrize(
    ("base_url", "names"),
    [
        ("https://my.example", {"__Host-other_session", "__Host-other_login"}),
        (BASE_URL, {"other_session", "other_login"}),
    ],
)
def test_the_cookies_are_for_this_host_alone(
    new_portal: NewPortal, provider: StandIn, base_url: str, names: set[str]
) -> None:
    browser = Browser(new_portal(base_url=base_url, cookie="other"), provider, base_url)
    began = browser.get("/form")
    began = browser.get(began.location)
    back = browser.get(browser.at_provider(began))
    cookies = [*began.headers.getlist("Set-Cookie"), *back.headers.getlist("Set-Cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} == names
    flags = {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if base_url.startswith("https") else set())
    for cookie in cookies:
        told = {part.strip() for part in cookie.split(";")[1:]}
        assert {part for part in told if not part.startswith(("Expires=", "Max-Age=0"))} == flags


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"issuer": "http://id.example"}, "issuer: https is expected"),
        ({"base_url": "https://my.example/"}, "base_url: an address without"),
        ({"base_url": "https://my.example/portal"}, "base_url: an address without a path"),
        ({"client_secret": ""}, "client_id, client_secret"),
        ({"secret_key": "too short"}, "secret_key: 32 characters"),
        ({"scope": "profile"}, "scope: openid"),
        ({"required_acr": "gold"}, "required_acr: pwd or mfa"),
        ({"first_page": "//evil.example"}, "first_page: a path"),
        ({"cookie": "a b"}, "cookie: small letters"),
        ({"revalidate_seconds": 0.5}, "revalidate_seconds: 1 to 60"),
        ({"provider_timeout_seconds": 3}, "provider_timeout_seconds: more than 0"),
        ({"session_seconds": 0}, "session_idle_seconds, session_seconds"),
    ],
)
def test_an_option_that_cannot_be_used_is_said_at_the_start(
    new_portal: NewPortal, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        new_portal(**options)


def test_a_demand_that_nobody_could_meet_is_said_at_the_start(portal: Flask) -> None:
    sso = portal.extensions["relying_party"]
    assert isinstance(sso, RelyingParty)
    with pytest.raises(ValueError, match="max_age"):
        sso.login_required(max_age=5)
