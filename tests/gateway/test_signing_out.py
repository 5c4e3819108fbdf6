"""Signing out at a guarded host ends the session in every service; what ends elsewhere is over here."""

from __future__ import annotations

import pytest

from tests.gateway.visiting import PORTAL, WARDS, Browser, query_of
from tests.provider import ISSUER, Provider, Someone

LOGOUT = f"{PORTAL}/_gateway/logout"
OWN_LINK = {"Sec_Fetch_Site": "same-origin"}
PROGRAM = {"Accept": "application/json"}


def test_a_link_of_the_service_signs_out_everywhere_and_comes_back(browser: Browser, doctor: Someone) -> None:
    browser.sign_in(doctor)
    browser.open("/ward", WARDS)
    sent = browser.own(LOGOUT, **OWN_LINK)
    assert sent.headers["Location"].startswith(f"{ISSUER}/logout?")
    assert query_of(sent)["client_id"] == "old-portal"
    browser.visit.get(sent.headers["Location"].removeprefix(ISSUER))
    assert browser.visit.left_for == f"{PORTAL}/_gateway/signed-out"
    page = browser.own(browser.visit.left_for)
    assert page.status_code == 200
    assert 'id="logged-out"' in page.text
    for path, origin in (("/", PORTAL), ("/ward", WARDS)):
        assert browser.ask(path, origin=origin, headers=PROGRAM).status_code == 401
    browser.open("/")
    assert browser.visit.step == "identification"


@pytest.mark.attack(30)
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "same-origin", "Sec_Purpose": "prefetch"},
    ],
    ids=["old", "cross-site", "same-site", "typed", "image", "prefetch"],
)
def test_any_other_link_is_followed_by_a_question(
    browser: Browser, doctor: Someone, told: dict[str, str]
) -> None:
    browser.sign_in(doctor)
    sent = browser.own(LOGOUT, **told)
    assert "id_token_hint" not in query_of(sent)
    browser.visit.get(sent.headers["Location"].removeprefix(ISSUER))
    assert browser.visit.step == "logout"
    assert browser.visit.page.forms
    assert browser.ask("/").status_code == 204
    browser.visit.submit()
    assert browser.ask("/", headers=PROGRAM).status_code == 401


def test_who_is_not_signed_in_needs_no_hint(browser: Browser) -> None:
    assert "id_token_hint" not in query_of(browser.own(LOGOUT, **OWN_LINK))


def test_the_hint_says_whose_session_it_is_and_nothing_more(
    gate: Provider, browser: Browser, doctor: Someone
) -> None:
    browser.sign_in(doctor)
    claims = gate.claims(query_of(browser.own(LOGOUT, **OWN_LINK))["id_token_hint"])
    assert claims.keys() == {"iss", "aud", "iat", "exp", "sub", "sid"}
    assert claims["aud"] == "old-portal"
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.attack(30)
def test_nobody_is_told_that_it_is_over_while_it_is_not(browser: Browser, doctor: Someone) -> None:
    browser.sign_in(doctor)
    answer = browser.own(f"{PORTAL}/_gateway/signed-out")
    assert answer.headers["Location"] == f"{PORTAL}/"
    assert browser.ask("/").status_code == 204


def test_the_last_page_names_only_addresses_of_this_host(browser: Browser) -> None:
    page = browser.own(f"{PORTAL}/_gateway/signed-out")
    assert 'href="/_gateway/static/idp.css?' in page.text
    assert "hreflang" not in page.text
    assert page.headers["Strict-Transport-Security"] == "max-age=63072000"


@pytest.mark.attack(31)
def test_what_ends_at_the_provider_is_over_here(browser: Browser, doctor: Someone) -> None:
    browser.sign_in(doctor)
    browser.visit.get("/logout")
    browser.visit.submit()
    assert browser.ask("/", headers=PROGRAM).status_code == 401


@pytest.mark.attack(60)
def test_whoever_signs_in_after_the_doctor_is_never_taken_for_them(
    gate: Provider, browser: Browser, doctor: Someone, assistant: Someone
) -> None:
    """On one computer: the assistant signs in at the provider, and the doctor's session here is over."""
    browser.sign_in(doctor)
    gate.clock.advance(seconds=30)
    browser.visit.authorize("open", prompt="login", scope="openid")
    browser.visit.identify(assistant)
    browser.visit.enter_code(assistant)
    assert browser.ask("/", headers=PROGRAM).status_code == 401
    assert browser.open("/").headers["Remote-Actor-Name"] == "NAUDIN Fernand"
