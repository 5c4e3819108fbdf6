"""A doctor with a password sends a care sheet: one more proof in place, and the sheet goes out as it was typed."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.people import Doctor
from tests.browser.screen import DESK, PHONE_DARK, Device, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server

RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


def kept(screen: Screen, name: str) -> None:
    """Keep a picture; axe finds nothing."""
    screen.keep(name)
    results = Axe().run(screen.page, options=RULES)
    assert results.violations_count == 0, results.generate_report()


def write_sheet(screen: Screen, someone: Doctor) -> None:
    """From the search to the filled form."""
    someone.at_portal(screen)
    screen.fill("Matricule", "123456")
    screen.press("Lancer la recherche")
    screen.page.get_by_role("link", name="ROSSIGNEUX").first.click()
    screen.heading("Feuille de soins")
    screen.page.get_by_label("Acte", exact=True).select_option("Visite à domicile")
    screen.fill("Montant en euros", "31,50")


@pytest.mark.parametrize("device", [DESK, PHONE_DARK], ids=["desk", "phone-dark"])
def test_a_sheet_is_sent_in_one_go_with_the_step_up_on_the_way(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen, device: Device
) -> None:
    someone, practice = doctor(), screen(device)
    someone.begin(practice)
    someone.identify(practice)
    write_sheet(practice, someone)
    kept(practice, "7-sheet")
    practice.press("Transmettre")
    someone.activate(practice)
    practice.heading("Historique FSE")
    expect(practice.page.get_by_role("status")).to_contain_text("est transmise")
    expect(practice.page.locator("main")).to_contain_text("31,50 €")
    kept(practice, "7-history")
    practice.page.reload()
    expect(practice.page.get_by_role("cell", name="ROSSIGNEUX Camille")).to_have_count(1)

    demo.pass_time(16 * 60)
    practice.page.get_by_role("button", name="Annuler la feuille").click()
    practice.heading("Identification")
    someone.identify(practice)
    someone.enter_code(practice)
    expect(practice.page.get_by_role("status")).to_contain_text("est annulée")
    kept(practice, "7-history-cancelled")


def test_who_does_not_want_it_finds_the_sheet_as_it_was(doctor: NewDoctor, screen: NewScreen) -> None:
    someone, practice = doctor(), screen(PHONE_DARK)
    someone.begin(practice)
    someone.identify(practice)
    write_sheet(practice, someone)
    practice.fill("Montant en euros", "beaucoup")
    practice.press("Transmettre")
    expect(practice.page.get_by_role("alert")).to_contain_text("la feuille est incomplète")
    kept(practice, "7-sheet-mistake")
    practice.fill("Montant en euros", "31,50")
    practice.press("Transmettre")
    practice.heading("Activer la double authentification")
    practice.press("Annuler")
    expect(practice.page.get_by_role("alert")).to_contain_text("n’est pas encore transmise")
    expect(practice.page.get_by_label("Montant en euros", exact=True)).to_have_value("31,50")
    kept(practice, "7-sheet-refused")
