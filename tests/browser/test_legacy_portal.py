"""The portal behind the gateway in Chromium: sign in on the way, deposit, sign out."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.screen import PHONE, PHONE_DARK, Device, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server


def looked_at(screen: Screen, name: str) -> None:
    """Keep a picture; nothing may stand in the way of anybody."""
    screen.keep(f"7-legacy-{name}")
    found = Axe().run(screen.page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("device", [PHONE, PHONE_DARK], ids=lambda device: device.name)
def test_a_doctor_finds_the_page_deposits_and_signs_out(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen, device: Device
) -> None:
    someone, practice = doctor(), screen(device)
    practice.page.goto(f"{demo.told['legacy']}/informations")
    looked_at(practice, "information")
    practice.follow("Se connecter")
    practice.heading("Identification")
    someone.identify(practice, activate=True)
    someone.activate(practice)
    practice.heading("Attestations")
    expect(practice.page.locator("#identified")).to_have_text(f"Personne identifiée : {someone.name}")
    looked_at(practice, "certificates")
    practice.follow("Mon compte")
    looked_at(practice, "account")
    practice.follow("Déposer un document")
    practice.press("Déposer")
    expect(practice.page.get_by_text("Choisissez un document.")).to_be_visible()
    looked_at(practice, "deposit-missing")
    practice.page.get_by_label("Document (20 Mo au plus)").set_input_files(
        {"name": "relevé.pdf", "mimeType": "application/pdf", "buffer": b"a" * 200_000}
    )
    practice.press("Déposer")
    expect(practice.page.locator("#received")).to_have_text("relevé.pdf a été reçu (200000 octets).")
    looked_at(practice, "deposit-received")
    practice.follow("Se déconnecter")
    looked_at(practice, "signed-out")
    practice.heading("Vous êtes déconnecté")
    practice.revisited_until_gone(f"{demo.told['legacy']}/depot")
    practice.heading("Identification")
