"""The whole story without a mouse: Tab, Enter, Space and letters, the focus seen at every stop."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.keyboard import Keyboard
from tests.browser.people import Doctor, read_key
from tests.browser.screen import DESK, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server

ASSISTANT = "NAUDIN Fernand"
CODE = "Veuillez saisir le code de double authentification"


class Hands:
    """A person at the keyboard before a screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.page = screen.page
        self.keys = Keyboard(screen.page)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def type(self, label: str, text: str) -> None:
        self.keys.type(self.field(label), text)

    def press(self, name: str) -> None:
        self.keys.enter(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str) -> None:
        self.keys.enter(self.page.get_by_role("link", name=name, exact=True))

    def identify(self, someone: Doctor) -> None:
        """Type identifier and password; Enter in the field is *Connexion*."""
        self.screen.heading("Identification")
        self.type("Identifiant", someone.identifier)
        self.type("Mot de passe", someone.password)
        self.page.keyboard.press("Enter")

    def enter_code(self, code: str) -> None:
        """The code field has the focus: type and press Enter."""
        self.screen.heading("Double authentification")
        expect(self.field(CODE)).to_be_focused()
        self.page.keyboard.type(code)
        self.page.keyboard.press("Enter")


def test_the_whole_story_by_keyboard_alone(demo: DemoProcess, doctor: NewDoctor, screen: NewScreen) -> None:
    someone = doctor()
    practice = Hands(screen(DESK))
    page, shown = practice.page, practice.screen

    # Home: the profile by its first letters
    page.goto(demo.issuer)
    practice.keys.to(practice.field("Sélectionner un profil"))
    page.keyboard.type("Prof")
    practice.press("Accéder à mes services")

    # Identification by the keypad, each digit by Enter or Space, after a mistake that is erased
    shown.heading("Identification")
    practice.type("Identifiant", someone.identifier)
    practice.press("1")
    practice.press("Effacer")
    for place, digit in enumerate(someone.password):
        practice.keys.to(page.get_by_role("button", name=digit, exact=True))
        page.keyboard.press("Enter" if place % 2 else "Space")
    expect(page.get_by_role("status")).to_contain_text(f"{len(someone.password)} chiffres saisis")
    practice.keys.to(practice.field("Activer la double authentification"))
    page.keyboard.press("Space")
    practice.press("Connexion")

    # Activation: first a wrong code, told in a summary that has the focus and leads to the field
    shown.heading("Activer la double authentification")
    someone.phone = read_key(shown)
    practice.type(CODE, "000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    assert page.title().startswith("Erreur :")
    practice.keys.enter(page.get_by_role("alert").get_by_role("link"))
    expect(practice.field(CODE)).to_be_focused()
    page.keyboard.type(demo.code(someone.phone))
    practice.press("Valider")

    # Recovery codes: the page's form as it stands
    shown.heading("Vos codes de récupération")
    practice.keys.enter(page.locator("main form button").first)

    # The portal, and Profil
    someone.at_portal(shown)
    practice.follow("Profil")
    shown.heading("Profil")
    practice.keys.to(page.get_by_role("link", name="Aller au contenu"))
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    # An assistant is added; the dates stay as they are
    practice.follow("Ajouter un(e) assistant(e)")
    shown.heading("Ajouter un(e) assistant(e)")
    phone = read_key(shown)
    practice.type("Nom prénom assistant", ASSISTANT)
    practice.type("Saisir code d'authentification", demo.code(phone))
    practice.press("Valider")
    shown.heading("Profil")
    expect(page.get_by_role("status")).to_contain_text(ASSISTANT)

    # The assistant signs in at another desk
    desk = Hands(screen(DESK))
    desk.page.goto(demo.portal)
    desk.follow("Se connecter")
    desk.identify(someone)
    desk.enter_code(demo.next_code(phone))
    someone.at_portal(desk.screen)
    expect(desk.page.locator("#acting")).to_contain_text(f"Vous agissez pour {someone.name}")

    # Somebody else takes over the first computer; then the doctor comes back and signs out
    practice.press("Changer d'utilisateur")
    shown.heading("Mes services en ligne")
    page.goto(f"{demo.issuer}/profile")
    practice.identify(someone)
    practice.enter_code(demo.next_code(someone.phone))
    shown.heading("Profil")
    practice.follow("Se déconnecter")
    practice.press("Se déconnecter")
    shown.heading("Vous êtes déconnecté")
    page.goto(f"{demo.issuer}/profile")
    shown.heading("Identification")
