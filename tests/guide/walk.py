"""The story of the guide, walked on the running demo: each scene is a page at the moment of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Browser, Page

from tests.browser.people import Doctor, read_key
from tests.browser.screen import Device, Screen
from tests.demo_process import DemoProcess

ASSISTANT = "NAUDIN Fernand"
CODE = "Veuillez saisir le code de double authentification"
DESK = Device("guide", 1000, 600, "light")
SCALE = 1.5
"""Picture points for each of the page's: sharp on paper."""

# Pages name the browser: the one in the pictures is one that a practice has.
_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


@dataclass(frozen=True)
class Scene:
    """A page under its name in the text."""

    name: str
    page: Page


def walk(demo: DemoProcess, browser: Browser) -> Iterator[Scene]:
    """Give every scene in the order of the story; the page goes on once the next one is asked for."""
    told = demo.person("practitioner", mfa=False)
    doctor = Doctor(demo, told["name"], told["identifier"], told["password"])
    practice = _screen(browser)
    yield from _activating(demo, doctor, practice)
    yield from _at_the_portal(practice)
    yield from _adding_an_assistant(demo, doctor, practice)
    yield from _later(doctor, practice)
    desk = _screen(browser)
    yield from _assisting(doctor, desk)
    yield from _looking_after_it(doctor, practice)
    yield from _handing_over(desk)
    yield from _losing(doctor, _screen(browser))


def _screen(browser: Browser) -> Screen:
    context = browser.new_context(
        viewport={"width": DESK.width, "height": DESK.height},
        device_scale_factor=SCALE,
        locale="fr-FR",
        reduced_motion="reduce",
        user_agent=_USER_AGENT,
        timezone_id="Europe/Monaco",
    )
    context.set_default_timeout(10_000)
    return Screen(context.new_page(), DESK)


def _activating(demo: DemoProcess, doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    page = screen.page
    page.goto(demo.issuer)
    page.get_by_label("Sélectionner un profil").select_option("Professionnel de santé")
    yield Scene("home", page)
    screen.press("Accéder à mes services")
    screen.heading("Identification")
    screen.fill("Identifiant", doctor.identifier)
    for digit in doctor.password:
        screen.press(digit)
    page.get_by_label("Activer la double authentification").check()
    yield Scene("identification", page)
    screen.press("Connexion")
    screen.heading("Activer la double authentification")
    doctor.phone = read_key(screen)
    screen.fill(CODE, demo.code(doctor.phone))
    yield Scene("activation", page)
    screen.press("Valider")
    screen.heading("Vos codes de récupération")
    doctor.codes = page.locator("#codes code").all_inner_texts()
    yield Scene("recovery-codes", page)
    screen.press("J'ai gardé mes codes, continuer")


def _at_the_portal(screen: Screen) -> Iterator[Scene]:
    screen.heading("Choix du bénéficiaire")
    screen.fill("Matricule", "999999")
    screen.press("Lancer la recherche")
    screen.page.get_by_text("Aucun bénéficiaire trouvé").wait_for()
    yield Scene("portal", screen.page)


def _adding_an_assistant(demo: DemoProcess, doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    page = screen.page
    screen.follow("Profil")
    screen.heading("Profil")
    yield Scene("profile", page)
    screen.follow("Ajouter un(e) assistant(e)")
    screen.heading("Ajouter un(e) assistant(e)")
    key = doctor.assistants[ASSISTANT] = read_key(screen)
    screen.fill("Nom prénom assistant", ASSISTANT)
    screen.fill("Début de validité", "2025-12-03")
    screen.fill("Saisir code d'authentification", demo.code(key))
    yield Scene("assistant-add", page)
    screen.press("Valider")
    screen.heading("Profil")
    yield Scene("profile-assistant", page)
    screen.follow("Notice à imprimer pour l'assistant(e)")
    screen.heading("Notice pour l'assistant(e)")
    yield Scene("leaflet", page)


def _later(doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    screen.page.goto(f"{doctor.demo.portal}/fse")
    screen.press("Changer d’utilisateur")
    screen.follow("Se connecter")
    doctor.identify(screen)
    screen.heading("Double authentification")
    yield Scene("code", screen.page)
    doctor.enter_code(screen)
    doctor.at_portal(screen)


def _assisting(doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    doctor.let_assistant_in(screen, ASSISTANT)
    yield Scene("assistant", screen.page)
    screen.follow("Profil")
    screen.page.locator("[data-error=profile_reserved]").wait_for()
    yield Scene("assistant-profile", screen.page)


def _handing_over(screen: Screen) -> Iterator[Scene]:
    screen.press("Changer d’utilisateur")
    screen.heading("Vous êtes déconnecté(e) du portail FSE")
    yield Scene("changed-user", screen.page)


def _looking_after_it(doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    page = screen.page
    screen.follow("Profil")
    screen.heading("Profil")
    page.get_by_role("link", name=f"Modifier {ASSISTANT}").click()
    screen.heading(ASSISTANT)
    yield Scene("assistant-edit", page)
    screen.follow("Nouveau téléphone")
    screen.heading("Nouveau téléphone")
    yield Scene("assistant-phone", page)
    screen.press("Annuler")
    page.goto(f"{doctor.demo.issuer}/profile")
    screen.follow("Tout le journal")
    screen.heading("Journal des connexions")
    yield Scene("journal", page)
    page.goto(f"{doctor.demo.issuer}/profile")
    screen.follow("Sessions ouvertes")
    screen.heading("Sessions ouvertes")
    yield Scene("sessions", page)
    page.goto(f"{doctor.demo.issuer}/profile")
    screen.follow("Changer de téléphone")
    screen.heading("Enregistrer un nouveau téléphone")
    yield Scene("new-phone", page)


def _losing(doctor: Doctor, screen: Screen) -> Iterator[Scene]:
    page = screen.page
    doctor.begin(screen)
    doctor.identify(screen)
    screen.heading("Double authentification")
    screen.follow("Téléphone perdu, cassé ou changé ?")
    screen.heading("Téléphone perdu, cassé ou changé")
    screen.fill("Code de récupération", doctor.codes[0])
    yield Scene("lost-phone", page)
    screen.press("Continuer")
    screen.heading("Enregistrer un nouveau téléphone")
    doctor.begin(screen)
    screen.follow("Mot de passe oublié ?")
    screen.heading("Identifiant ou mot de passe oublié")
    yield Scene("forgotten", page)
