"""Signing in by every way of typing, with and without JavaScript, and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.people import Doctor
from tests.browser.screen import DESK, DESK_DARK, PHONE, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server

TypePassword = Callable[[Screen, Doctor], None]


def by_mouse(screen: Screen, doctor: Doctor) -> None:
    """Press the keys of the keypad, one of them wrong at first."""
    screen.press(doctor.password[0])
    screen.press("Effacer")
    for digit in doctor.password:
        screen.press(digit)


def by_keys(screen: Screen, doctor: Doctor) -> None:
    """Go to each key of the keypad with the keyboard."""
    for digit in doctor.password:
        screen.page.get_by_role("button", name=digit, exact=True).press("Enter")


def typed(screen: Screen, doctor: Doctor) -> None:
    """Type into the ordinary field."""
    screen.fill("Mot de passe", doctor.password)


def reach(screen: Screen, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus."""
    for _ in range(10):
        screen.page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    expect(wanted).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("type_password", [by_mouse, by_keys, typed])
def test_first_and_later_sign_in(
    doctor: NewDoctor, screen: NewScreen, type_password: TypePassword, scripts: bool
) -> None:
    someone, practice = doctor(), screen(PHONE if scripts else DESK, scripts=scripts)
    someone.begin(practice)
    practice.fill("Identifiant", someone.identifier)
    practice.page.get_by_label("Activer la double authentification").check()
    practice.page.get_by_label("Se souvenir de moi").check()
    type_password(practice, someone)
    practice.press("Connexion")
    someone.activate(practice)
    someone.at_portal(practice)
    practice.press("Changer d’utilisateur")
    someone.begin(practice)
    expect(practice.page.get_by_label("Identifiant", exact=True)).to_have_value(someone.identifier)
    type_password(practice, someone)
    practice.press("Connexion")
    someone.enter_code(practice)
    someone.at_portal(practice)


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
def test_the_keyboard_alone_is_enough(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen, scripts: bool
) -> None:
    someone, practice = doctor(), screen(DESK_DARK, scripts=scripts)
    keyboard = practice.page.keyboard
    practice.page.goto(f"{demo.portal}/login")
    expect(practice.page.get_by_label("Identifiant", exact=True)).to_be_focused()
    keyboard.type(someone.identifier)
    keyboard.press("Tab")
    keyboard.type(someone.password)
    keyboard.press("Tab")
    expect(practice.page.get_by_label("Activer la double authentification")).to_be_focused()
    keyboard.press("Space")
    keyboard.press("Enter")
    practice.heading("Activer la double authentification")
    someone.phone = practice.page.locator("[data-otp-secret]").get_attribute("data-otp-secret") or ""
    reach(practice, practice.page.get_by_label("Veuillez saisir le code de double authentification"))
    keyboard.type(demo.code(someone.phone))
    keyboard.press("Enter")
    practice.heading("Vos codes de récupération")
    reach(practice, practice.page.get_by_role("button", name="J'ai gardé mes codes, continuer"))
    keyboard.press("Enter")
    someone.at_portal(practice)


def test_enter_after_the_last_key_of_the_keypad_repeats_the_key_and_never_cancels(
    doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen()
    someone.begin(practice)
    practice.fill("Identifiant", someone.identifier)
    key = practice.page.get_by_role("button", name="5", exact=True)
    key.click()
    key.press("Enter")
    expect(practice.page.get_by_role("status")).to_contain_text("2 chiffres saisis")
    expect(practice.page.get_by_label("Mot de passe", exact=True)).to_have_attribute("placeholder", "●●")


def test_a_wrong_password_says_so_shuffles_the_keys_and_forgets_what_was_pressed(
    doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(PHONE)
    someone.begin(practice)
    practice.fill("Identifiant", someone.identifier)
    keys = practice.page.locator(".keys button:not(.erase)")
    before = keys.all_inner_texts()
    for _ in range(3):
        practice.press("1")
    practice.press("Connexion")
    expect(practice.page.get_by_role("alert")).to_contain_text("Identifiant ou mot de passe incorrect")
    expect(practice.page).to_have_title("Erreur : Identification — Caisses Sociales de Monaco")
    practice.keep("2-identification-wrong-password")
    assert sorted(keys.all_inner_texts()) == sorted(before)
    assert keys.all_inner_texts() != before
    expect(practice.page.get_by_role("status")).to_contain_text("Aucun chiffre saisi")
    someone.identify(practice, activate=True)
    someone.activate(practice)
    someone.at_portal(practice)


def test_annuler_leads_back_to_the_portal_which_offers_to_begin_again(
    doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(DESK_DARK)
    someone.begin(practice)
    practice.press("Annuler")
    expect(practice.page.locator("[data-error=access_denied]")).to_be_visible()
    practice.keep("2-cancelled-at-portal")
    practice.follow("Recommencer l’identification")
    someone.identify(practice, activate=True)
    someone.activate(practice)
    someone.at_portal(practice)


def test_a_page_of_an_ended_sign_in_offers_to_start_again(doctor: NewDoctor, screen: NewScreen) -> None:
    someone, practice = doctor(), screen()
    someone.begin(practice)
    old = practice.page.url
    someone.identify(practice, activate=True)
    someone.activate(practice)
    someone.at_portal(practice)
    practice.page.goto(old)
    expect(practice.page.locator("[data-error=expired]")).to_be_visible()
    practice.keep("2-expired")
    practice.follow("Revenir à : Feuille de Soins Électronique (FSE)")
    someone.at_portal(practice)
    practice.page.goto(someone.demo.issuer)
    practice.heading("Mes services")
    expect(practice.page.get_by_role("banner")).to_contain_text(someone.name)
    practice.keep("1-home-signed-in")


@pytest.mark.parametrize("link", ["Identifiant oublié ?", "Mot de passe oublié ?"])
def test_who_forgot_is_told_whom_to_call_and_comes_back(
    doctor: NewDoctor, screen: NewScreen, link: str
) -> None:
    practice = screen(PHONE)
    doctor().begin(practice)
    practice.follow(link)
    practice.heading("Identifiant ou mot de passe oublié")
    expect(practice.page.get_by_role("link", name="+377 00 00 00 00").first).to_be_visible()
    practice.keep("2-forgotten")
    practice.follow("Retour")
    practice.heading("Identification")
