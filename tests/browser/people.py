"""People before a screen: a doctor of their own practice, and an assistant."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import expect

from tests.browser.screen import Screen
from tests.demo_process import DemoProcess

KEY = "[data-otp-secret]"


@dataclass
class Doctor:
    """A practitioner whose account nobody else uses; `phone` is the secret on it once activated."""

    demo: DemoProcess
    name: str
    identifier: str
    password: str
    phone: str = ""
    codes: list[str] = field(default_factory=list)
    """Recovery codes, as they were shown once."""
    assistants: dict[str, str] = field(default_factory=dict)
    """The secret on each assistant's phone."""

    def begin(self, screen: Screen) -> None:
        """Go from the portal's home to the identification page."""
        screen.page.goto(self.demo.portal)
        screen.follow("Se connecter")
        screen.heading("Identification")

    def identify(self, screen: Screen, *, activate: bool = False) -> None:
        """Type identifier and password."""
        screen.fill("Identifiant", self.identifier)
        screen.fill("Mot de passe", self.password)
        if activate:
            screen.page.get_by_label("Activer la double authentification").check()
        screen.press("Connexion")

    def activate(self, screen: Screen) -> None:
        """Confirm the phone on the activation page, and keep the recovery codes."""
        screen.heading("Activer la double authentification")
        self.confirm_phone(screen)
        self.keep_codes(screen)

    def confirm_phone(self, screen: Screen) -> None:
        """Scan the key that the page shows, and type its first code."""
        self.phone = read_key(screen)
        screen.fill("Veuillez saisir le code de double authentification", self.demo.code(self.phone))
        screen.press("Valider")

    def keep_codes(self, screen: Screen) -> None:
        """Keep the recovery codes that follow, once, and go on."""
        screen.heading("Vos codes de récupération")
        self.codes = screen.page.locator("#codes code").all_inner_texts()
        screen.keep("3-recovery-codes")
        screen.press("J'ai gardé mes codes, continuer")

    def enter_code(self, screen: Screen, phone: str | None = None) -> None:
        """Type the next code of the doctor's phone, or of another."""
        screen.heading("Double authentification")
        code = self.demo.next_code(phone or self.phone)
        screen.fill("Veuillez saisir le code de double authentification", code)
        screen.press("Valider")

    def at_portal(self, screen: Screen) -> None:
        """Expect the portal's first tab with the doctor's name."""
        screen.heading("Choix du bénéficiaire")
        expect(screen.page.locator("#practitioner")).to_have_text(f"Praticien identifié : {self.name}")

    def sign_in_first(self, screen: Screen) -> None:
        """Activate on the way to the portal."""
        self.begin(screen)
        self.identify(screen, activate=True)
        self.activate(screen)
        self.at_portal(screen)

    def add_assistant(self, screen: Screen, name: str) -> None:
        """Add an assistant from the portal's tab *Profil*, and stay on the profile."""
        screen.follow("Profil")
        screen.heading("Profil")
        screen.follow("Ajouter un(e) assistant(e)")
        self.assistants[name] = read_key(screen)
        screen.fill("Nom prénom assistant", name)
        screen.fill("Saisir code d'authentification", self.demo.code(self.assistants[name]))
        screen.press("Valider")
        screen.heading("Profil")

    def let_assistant_in(self, screen: Screen, name: str) -> None:
        """Sign the assistant in at the portal."""
        self.begin(screen)
        self.identify(screen)
        self.enter_code(screen, self.assistants[name])
        self.at_portal(screen)


def read_key(screen: Screen) -> str:
    """The key that the page shows, as text."""
    key = screen.page.locator(KEY).get_attribute("data-otp-secret")
    assert key
    return key
