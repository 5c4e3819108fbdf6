"""The portal is unchanged by all this: its pages for a doctor do not tell how the doctor signed in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.screen import DESK, PHONE, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server

PAGES = {
    "search": "/fse",
    "found": "/fse?date=2026-01-15&caisse=CCSS&matricule=123456",
    "nobody": "/fse?date=2026-01-15&caisse=CCSS&matricule=999999",
    "mistake": "/fse?date=x&caisse=CCSS&matricule=",
    "forms": "/formulaires",
    "history": "/historique",
    "templates": "/fse-pre-codees",
    "terminals": "/ordipostes",
}


def pages_of(screen: Screen, demo: DemoProcess) -> dict[str, str]:
    """The HTML of every page as it came, but for the form's own token."""
    found = {}
    for name, path in PAGES.items():
        answer = screen.page.goto(f"{demo.portal}{path}")
        assert answer
        html, tokens = re.subn(r'(name="form_token" value=")[^"]+', r"\1…", answer.text())
        assert tokens == 1
        screen.keep(f"5-portal-{name}")
        found[name] = html
    return found


def test_pages_are_the_same_before_and_after_activation(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(DESK)
    someone.begin(practice)
    someone.identify(practice)
    someone.at_portal(practice)
    with_password = pages_of(practice, demo)
    practice.follow("Profil")
    expect(practice.page.get_by_role("definition").filter(has_text="Non")).to_be_visible()
    practice.keep("6-profil-password-only")
    practice.page.goto(demo.portal)
    practice.press("Se déconnecter")
    practice.heading("Vous êtes déconnecté(e) du portail FSE")
    someone.sign_in_first(practice)
    assert pages_of(practice, demo) == with_password


def test_the_obligation_of_the_profile_page_is_met_in_place(doctor: NewDoctor, screen: NewScreen) -> None:
    someone, practice = doctor(), screen(PHONE)
    someone.begin(practice)
    someone.identify(practice)
    someone.at_portal(practice)
    practice.follow("Profil")
    practice.press("Activer la double authentification")
    someone.activate(practice)
    practice.heading("Profil")
    expect(practice.page.get_by_role("link", name="Ajouter un(e) assistant(e)")).to_be_visible()
    practice.follow("Retour au service")
    someone.at_portal(practice)


def test_signing_out_at_the_profile_ends_the_portal_too(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(DESK)
    someone.sign_in_first(practice)
    practice.follow("Profil")
    practice.follow("Se déconnecter")
    practice.heading("Voulez-vous vous déconnecter ?")
    practice.keep("6-logout-question")
    practice.press("Se déconnecter")
    practice.heading("Vous êtes déconnecté")
    practice.keep("6-logged-out")
    practice.revisited_until_gone(f"{demo.portal}/fse")
    practice.heading("Identification")
