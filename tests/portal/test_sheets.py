"""Care sheets: written, sent once, cancelled, seen by their practice alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from fse_portal.app import create_app
from fse_portal.settings import Settings

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.practice import BLANK, FORM, TYPED, cancel, hidden, history, send
from tests.portal.stand_in import DOCTOR, StandIn
from tests.provider import START


def test_with_two_factors_a_sheet_is_sent_without_any_detour(secured: Browser, provider: StandIn) -> None:
    sent = send(secured)
    assert (sent.status_code, sent.location) == (303, "/historique?transmise=1")
    assert "La feuille de soins n° 1 est transmise." in secured.get(sent.location).text
    assert "1 13/01/2026 ROSSIGNEUX Camille Visite à domicile 31,50 €" in history(secured)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"montant": ""}, "Saisissez un montant en euros, par exemple 25,00."),
        ({"montant": "0"}, "Saisissez un montant en euros, par exemple 25,00."),
        ({"montant": "١٢"}, "Saisissez un montant en euros, par exemple 25,00."),
        ({"montant": "12345"}, "Saisissez un montant en euros, par exemple 25,00."),
        ({"acte": "Z"}, "Choisissez un acte."),
        ({"date": "x"}, "Saisissez la date des actes."),
        ({"date": "2026-01-16"}, "La date des actes ne peut pas être à venir."),
        ({"date": "1950-01-01"}, "La date des actes précède la naissance du bénéficiaire."),
    ],
)
def test_a_mistake_is_told_before_anything_more_is_asked(
    by_password: Browser, provider: StandIn, clock: MovableClock, changes: dict[str, str], sentence: str
) -> None:
    clock.set(START)
    by_password.open("/login")
    page = send(by_password, **changes)
    assert page.status_code == 422
    assert page.text.count(sentence) == 2
    assert "<title>Erreur : Feuille de soins" in page.text
    assert "Aucune feuille de soins." in history(by_password)


@pytest.mark.parametrize("changes", [{"matricule": "999999"}, {"rang": "9"}, {"caisse": "CAR"}])
def test_a_sheet_for_nobody_leads_back_to_the_search(secured: Browser, changes: dict[str, str]) -> None:
    assert send(secured, **changes).location == "/fse"
    assert secured.get("/fse/feuille").location == "/fse"


def test_the_same_form_sent_twice_is_one_sheet(secured: Browser) -> None:
    blank = hidden(secured.get(BLANK).text)
    for _ in range(2):
        assert secured.post("/fse/feuille", {**blank, **FORM, **TYPED}).location == "/historique?transmise=1"


def test_another_sheet_on_a_form_that_was_sent_is_neither_lost_nor_sent_unasked(
    secured: Browser, provider: StandIn
) -> None:
    """The back button, another amount: the first is sent already, and it may be a correction or a second sheet."""
    first = {**hidden(secured.get(BLANK).text), **FORM, **TYPED}
    secured.post("/fse/feuille", first)
    page = secured.post("/fse/feuille", {**first, "acte": "C", "montant": "99,00"})
    assert (page.status_code, 'data-error="already_sent"' in page.text) == (409, True)
    assert "<title>Erreur : Feuille de soins" in page.text
    assert "déjà servi à transmettre la feuille n° 1" in page.text
    assert 'value="99,00"' in page.text
    assert '<option value="C" selected>' in page.text
    assert "99,00" not in history(secured)
    again = {**FORM, **hidden(page.text), "acte": "C", "montant": "99,00"}
    for _ in range(2):
        assert secured.post("/fse/feuille", again).location == "/historique?transmise=2"
    assert "99,00" in history(secured)
    assert "31,50" in history(secured)
    assert secured.post("/fse/feuille", first).location == "/historique?transmise=1"


def test_a_form_whose_sheet_was_cancelled_since_offers_a_new_one(secured: Browser) -> None:
    first = {**hidden(secured.get(BLANK).text), **FORM, **TYPED}
    secured.post("/fse/feuille", first)
    cancel(secured)
    assert "est transmise" not in history_after(secured, "transmise=1")
    page = secured.post("/fse/feuille", first)
    assert page.status_code == 409
    sent = secured.post("/fse/feuille", {**first, **hidden(page.text)})
    assert sent.location == "/historique?transmise=2"


def history_after(browser: Browser, what: str) -> str:
    return browser.get(f"/historique?{what}").text


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "", "9" * 40])
def test_a_sheet_that_is_not_there_is_not_cancelled(secured: Browser, number: str) -> None:
    send(secured)
    answer = secured.post("/historique", {"form_token": secured.form_token(), "feuille": number})
    assert answer.status_code == 303
    assert "Annulée" not in history(secured)


def test_a_practice_neither_sees_nor_cancels_the_sheets_of_another(
    secured: Browser, other_browser: Browser, provider: StandIn
) -> None:
    send(secured)
    provider.does.person = {**DOCTOR, "sub": "p-2"}
    other_browser.open("/login")
    assert "Aucune feuille de soins." in history(other_browser)
    cancel(other_browser)
    assert "Annulée" not in history(secured)


@pytest.mark.parametrize("seconds", [0, 1800])
@pytest.mark.parametrize("token", ["", "guessed"])
def test_another_site_cannot_send_a_sheet(
    secured: Browser, provider: StandIn, clock: MovableClock, token: str, seconds: int
) -> None:
    clock.advance(seconds=seconds)
    refused = secured.post("/fse/feuille", {**FORM, **TYPED, "form_token": token})
    assert (refused.status_code, 'data-error="invalid_form"' in refused.text) == (400, True)


def test_a_form_of_a_session_that_is_forgotten_leads_to_a_sign_in_and_sends_nothing(
    secured: Browser, provider: StandIn
) -> None:
    blank = secured.get(BLANK)
    secured.client.delete_cookie("fse_session", domain="127.0.0.1")
    again = secured.post("/fse/feuille", {**hidden(blank.text), **FORM, **TYPED})
    assert again.location == "/login?target_link_uri=/fse/feuille"
    secured.open(again.location)
    assert "Aucune feuille de soins." in history(secured)


def test_the_file_of_an_older_portal_opens_with_its_sheets_and_people_sign_in_anew(
    secured: Browser, provider: StandIn, clock: MovableClock, make_settings: Callable[..., Settings]
) -> None:
    send(secured)
    settings = make_settings()
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as file:
        file.execute("ALTER TABLE session RENAME COLUMN person TO identity")
        file.execute("PRAGMA user_version = 2")
    browser = Browser(create_app(settings, clock), provider)
    browser.client.set_cookie("fse_session", secured.session_cookie(), domain="127.0.0.1")
    assert browser.get("/historique").location == "/login?target_link_uri=/historique"
    assert browser.open("/historique").status_code == 200
    assert "31,50 €" in history(browser)
