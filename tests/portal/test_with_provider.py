"""The portal and the real provider, over HTTP: refresh, step-up and back-channel logout from end to end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from idp.demo.browser import Browser
from tests.demo_process import DemoProcess, running_demo
from tests.portal.software import SHEET, Software, challenge
from tests.waiting import wait_until

pytestmark = pytest.mark.server

BLANK = "/fse/feuille?date=2026-01-13&caisse=CCSS&matricule=123456&rang=1"
TYPED = {"acte": "V", "montant": "31,50"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with running_demo(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture
def newcomer(demo: DemoProcess) -> dict[str, Any]:
    """A practitioner who has a password only."""
    return demo.add_doctor("LEROUX Ariane")


@pytest.fixture
def browser() -> Browser:
    return Browser(stop_at=("http://127.0.0.1:8403",))


def sign_in(demo: DemoProcess, browser: Browser, person: dict[str, Any]) -> None:
    browser.get(f"{demo.portal}/login")
    browser.submit({"identifier": person["identifier"], "password": person["password"]})
    if person.get("totp_secret"):
        browser.submit({"code": demo.next_code(person["totp_secret"])})
    assert browser.page.url == f"{demo.portal}/fse", browser.page.text


def activate(demo: DemoProcess, browser: Browser) -> str:
    """Activate on the page shown, go past the recovery codes, return the phone's secret."""
    assert browser.path.endswith("/activation"), browser.page.url
    secret = browser.page.secret
    assert secret
    browser.submit({"code": demo.next_code(secret)})
    assert browser.path.endswith("/recovery-codes"), browser.page.text
    browser.submit({})
    return secret


def session_cookies(browser: Browser) -> list[str]:
    return [cookie.value or "" for cookie in browser._session.cookies if cookie.name == "fse_session"]


def sessions_in(demo: DemoProcess) -> int:
    connection = sqlite3.connect(demo.folder / "portal.sqlite")
    try:
        (found,) = connection.execute("SELECT count(*) FROM session").fetchone()
    finally:
        connection.close()
    return int(found)


def test_a_session_is_refreshed_for_hours_and_nobody_is_asked_again(
    demo: DemoProcess, browser: Browser
) -> None:
    person = demo.person("practitioner", mfa=True)
    sign_in(demo, browser, person)
    cookie = session_cookies(browser)
    for _ in range(5):
        demo.pass_time(1700)
        assert person["name"] in browser.get(f"{demo.portal}/fse").text
        assert browser.page.url == f"{demo.portal}/fse"
    assert session_cookies(browser) == cookie


def test_a_removed_assistant_is_out_within_two_seconds_after_a_refresh_too(
    demo: DemoProcess, browser: Browser
) -> None:
    newcomer = demo.add_doctor("VIAN Boris")
    practice = Browser()
    sign_in(demo, practice, newcomer)
    practice.get(f"{demo.portal}{BLANK}")
    practice.submit(TYPED)
    activate(demo, practice)
    page = practice.get(f"{demo.told['profile']}/assistants/new")
    assert page.secret
    secret = page.secret
    practice.submit({"name": "MARTINI Alba", "valid_from": "2026-01-01", "code": demo.next_code(secret)})
    sign_in(demo, browser, {**newcomer, "totp_secret": secret})
    demo.pass_time(295)
    assert "MARTINI Alba" in browser.get(f"{demo.portal}/fse").text
    practice.get(demo.told["profile"])
    practice.follow("Supprimer MARTINI Alba")
    practice.submit({"remove": "1"}, form=1)
    demo.pass_time(2)
    browser.get(f"{demo.portal}/fse")
    assert browser.path.endswith("/identification")


def test_a_sheet_sent_on_a_password_goes_out_after_the_step_up_in_place(
    demo: DemoProcess, browser: Browser, newcomer: dict[str, Any]
) -> None:
    sign_in(demo, browser, newcomer)
    browser.get(f"{demo.portal}{BLANK}")
    browser.submit(TYPED)
    activate(demo, browser)
    assert browser.page.url.startswith(f"{demo.portal}/historique?transmise=")
    assert "est transmise" in browser.page.text
    assert "ROSSIGNEUX Camille" in browser.page.text
    assert "31,50 €" in browser.page.text


def test_an_old_sign_in_is_renewed_at_the_provider_and_the_sheet_is_cancelled(
    demo: DemoProcess, browser: Browser
) -> None:
    person = demo.person("practitioner", mfa=True)
    sign_in(demo, browser, person)
    browser.get(f"{demo.portal}{BLANK}")
    browser.submit(TYPED)
    assert "est transmise" in browser.page.text
    demo.pass_time(16 * 60)
    browser.get(f"{demo.portal}/historique")
    browser.submit({})
    assert browser.path.endswith("/identification")
    browser.submit({"identifier": person["identifier"], "password": person["password"]})
    browser.submit({"code": demo.next_code(person["totp_secret"])})
    assert browser.page.url.startswith(f"{demo.portal}/historique?annulee="), browser.page.text
    assert "est annulée" in browser.page.text


def test_the_api_challenges_a_token_on_a_password_and_takes_the_next_one(
    demo: DemoProcess, browser: Browser, newcomer: dict[str, Any]
) -> None:
    software = Software(demo, browser)
    software.ask()
    browser.submit({"identifier": newcomer["identifier"], "password": newcomer["password"]})
    software.take()
    assert software.call("GET", "/feuilles").json() == {"feuilles": []}
    refused = software.call("POST", "/feuilles", json=SHEET)
    assert refused.status_code == 401
    told = challenge(refused)
    assert told["error"] == "insufficient_user_authentication"
    software.ask(acr_values=told["acr_values"])
    activate(demo, browser)
    software.take()
    assert software.call("POST", "/feuilles", json=SHEET).status_code == 201
    demo.pass_time(16 * 60)
    software.ask()
    software.take()
    number = software.call("GET", "/feuilles").json()["feuilles"][0]["numero"]
    refused = software.call("DELETE", f"/feuilles/{number}")
    assert (refused.status_code, challenge(refused)["max_age"]) == (401, "900")
    software.ask(max_age=challenge(refused)["max_age"])
    assert browser.path.endswith("/identification")


@pytest.mark.attack(59)
def test_the_api_sees_who_acts(demo: DemoProcess, browser: Browser) -> None:
    assistant = demo.person("assistant", mfa=True)
    software = Software(demo, browser)
    software.ask()
    browser.submit({"identifier": assistant["identifier"], "password": assistant["password"]})
    browser.submit({"code": demo.next_code(assistant["totp_secret"])})
    software.take()
    sent = software.call("POST", "/feuilles", json=SHEET)
    assert sent.status_code == 201, sent.text
    listed = software.call("GET", "/feuilles").json()["feuilles"]
    assert listed[0]["assistant"] == assistant["name"]


def test_a_token_for_the_provider_itself_opens_no_api(demo: DemoProcess, browser: Browser) -> None:
    person = demo.person("practitioner", mfa=True)
    software = Software(demo, browser)
    software.ask(resource=demo.issuer)
    browser.submit({"identifier": person["identifier"], "password": person["password"]})
    browser.submit({"code": demo.next_code(person["totp_secret"])})
    software.take()
    refused = software.call("GET", "/feuilles")
    assert (refused.status_code, challenge(refused)["error_description"]) == (
        401,
        "the token is for another resource",
    )


@pytest.mark.attack(31)
def test_signing_out_at_the_provider_ends_portal_and_api_tokens_by_the_back_channel(
    demo: DemoProcess, browser: Browser
) -> None:
    person = demo.person("practitioner", mfa=True)
    sign_in(demo, browser, person)
    software = Software(demo, browser)
    software.ask()
    software.take()
    assert software.call("GET", "/feuilles").ok
    before = sessions_in(demo)
    browser.get(f"{demo.issuer}/logout")
    browser.submit({})
    wait_until(lambda: sessions_in(demo) == before - 1, "the portal has ended the session, unasked")
    refused = software.call("GET", "/feuilles")
    assert (refused.status_code, challenge(refused)["error_description"]) == (
        401,
        "the token is of a session that ended",
    )
