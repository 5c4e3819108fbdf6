"""What doctors and assistants see."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.stand_in import ASSISTANT, DOCTOR, DOCTOR_BY_PASSWORD, StandIn

TABS = ["FSE Médecin", "Formulaires", "Historique FSE", "FSE pré-codées", "Ordipostes HNP", "Profil"]
PATHS = ["/fse", "/formulaires", "/historique", "/fse-pre-codees", "/ordipostes"]
SEARCH = "/fse?date=2026-01-13&caisse=CCSS&matricule=123456"


def without_form_token(text: str) -> str:
    return re.sub(r'name="form_token" value="[^"]+"', "", text)


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("path", [*PATHS, SEARCH, "/fse?matricule="])
def test_a_doctors_pages_do_not_depend_on_how_they_signed_in(
    browser: Browser, other_browser: Browser, provider: StandIn, path: str
) -> None:
    provider.does.person = DOCTOR_BY_PASSWORD
    browser.open("/login")
    provider.does.person = DOCTOR
    other_browser.open("/login")
    by_password, by_two_factors = browser.get(path), other_browser.get(path)
    assert "HKLOMTZULT" in by_password.text
    assert without_form_token(by_password.text) == without_form_token(by_two_factors.text)
    assert by_password.status_code == by_two_factors.status_code


@pytest.mark.parametrize("path", PATHS)
def test_every_tab_is_there_and_the_current_one_is_marked(browser: Browser, path: str) -> None:
    browser.open("/login")
    text = browser.get(path).text
    assert re.findall(r'<a href="/[^"]*"(?: aria-current="page")?>([^<]+)</a>', text) == TABS
    (current,) = re.findall(r'<a href="([^"]+)" aria-current="page">', text)
    assert current == path


def test_the_search_finds_a_family(browser: Browser) -> None:
    browser.open("/login")
    text = words(browser.get(SEARCH).text)
    assert "Choix du bénéficiaire" in text
    assert "Sexe Nom Prénom Rang Date naissance Age ETM en cours" in text
    assert "F ROSSIGNEUX Camille 1 18/04/1979 46 Oui M ROSSIGNEUX Bastien 2 02/11/1977 48 Non" in text
    assert "Aucun bénéficiaire trouvé" not in text


def test_the_search_says_when_there_is_nobody(browser: Browser) -> None:
    browser.open("/login")
    page = browser.get("/fse?date=2026-01-13&caisse=CCSS&matricule=999999")
    assert page.status_code == 200
    assert "Aucun bénéficiaire trouvé." in words(page.text)
    assert 'value="999999"' in page.text


def test_before_a_search_nothing_was_found_or_missed(browser: Browser) -> None:
    browser.open("/login")
    text = browser.get("/fse").text
    assert "Aucun bénéficiaire" not in text
    assert 'role="alert"' not in text


def test_an_incomplete_search_says_what_is_missing(browser: Browser) -> None:
    browser.open("/login")
    page = browser.get("/fse?date=x&caisse=CCSS&matricule=")
    assert page.status_code == 400
    assert "<title>Erreur : FSE Médecin" in page.text
    assert page.text.count("Saisissez le matricule du bénéficiaire.") == 2
    assert 'aria-describedby="matricule-error"' in page.text


def test_what_was_typed_is_shown_as_text(browser: Browser) -> None:
    browser.open("/login")
    page = browser.get("/fse?date=%22%3E%3Cb%3E&caisse=CCSS&matricule=%22%3E%3Cb%3E")
    assert "<b>" not in page.text


def test_the_day_of_the_acts_is_today_in_monaco(browser: Browser, clock: MovableClock) -> None:
    from datetime import UTC, datetime

    clock.set(datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    browser.open("/login")
    assert 'value="2026-07-02"' in browser.get("/fse").text


def test_an_assistant_always_sees_for_whom_they_act(browser: Browser, provider: StandIn) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    for path in [*PATHS, "/profil"]:
        text = words(browser.get(path).text)
        assert "Vous agissez pour HKLOMTZULT FIFQOE" in text
        assert "NAUDIN Fernand" in text
        assert "Praticien identifié : HKLOMTZULT FIFQOE" in text


def test_a_doctor_acts_for_nobody(browser: Browser) -> None:
    browser.open("/login")
    assert "Vous agissez pour" not in browser.get("/fse").text


def test_the_profile_is_the_providers_page(browser: Browser, provider: StandIn) -> None:
    browser.open("/login")
    assert browser.get("/profil").location == f"{provider.issuer}/profile"


def test_the_profile_is_refused_to_an_assistant(browser: Browser, provider: StandIn) -> None:
    provider.does.person = ASSISTANT
    browser.open("/login")
    page = browser.get("/profil")
    assert page.status_code == 403
    assert "réservé au praticien" in page.text
    assert 'data-error="profile_reserved"' in page.text


@pytest.mark.attack(25)
@pytest.mark.parametrize("path", ["/", "/fse", "/goodbye", "/nowhere", "/callback"])
def test_pages_cannot_be_framed_scripted_or_cached(browser: Browser, provider: StandIn, path: str) -> None:
    browser.open("/login")
    page = browser.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"form-action 'self' {provider.issuer}" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|style=|<style|\son\w+=", page.text)


@pytest.mark.attack(45)
def test_a_hostile_host_changes_no_address(portal: Flask, provider: StandIn) -> None:
    answer = portal.test_client().get(
        "/login", base_url="http://evil.example", headers={"X-Forwarded-Host": "evil"}
    )
    assert "evil" not in answer.location
    assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A8081%2Fcallback" in answer.location


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/callback", 400), ("/static/../app.py", 404)]
)
def test_errors_are_pages_with_a_way_to_start_again(browser: Browser, path: str, status: int) -> None:
    page = browser.get(path)
    assert page.status_code == status
    assert "data-error=" in page.text
    assert 'href="/login"' in page.text
    assert "<title>Erreur : " in page.text
