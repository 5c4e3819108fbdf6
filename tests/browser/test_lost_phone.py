"""Recovery codes kept in every way that the page offers, and a lost phone replaced by one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.people import Doctor
from tests.browser.screen import DESK, DESK_DARK, PHONE, Device, Screen
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server


def at_codes(doctor: Doctor, screen: Screen) -> list[str]:
    """Activate, stay at the page of recovery codes, and return them."""
    doctor.begin(screen)
    doctor.identify(screen, activate=True)
    doctor.confirm_phone(screen)
    screen.heading("Vos codes de récupération")
    codes = screen.page.locator("#codes code").all_inner_texts()
    assert len(codes) == 10
    return codes


def at_lost_phone(doctor: Doctor, screen: Screen) -> None:
    """Go from the portal to the page for who has lost the phone."""
    doctor.begin(screen)
    doctor.identify(screen)
    screen.follow("Téléphone perdu, cassé ou changé ?")
    screen.heading("Téléphone perdu, cassé ou changé")


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
def test_the_codes_are_downloaded_with_and_without_script(
    doctor: NewDoctor, screen: NewScreen, tmp_path: Path, scripts: bool
) -> None:
    someone, practice = doctor(), screen(DESK, scripts=scripts)
    codes = at_codes(someone, practice)
    with practice.page.expect_download() as download:
        practice.follow("Télécharger")
    assert download.value.suggested_filename == "codes-de-recuperation.txt"
    download.value.save_as(tmp_path / "codes.txt")
    lines = (tmp_path / "codes.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in codes] == codes
    for name in ("Imprimer", "Copier"):
        expect(practice.page.get_by_role("button", name=name)).to_be_visible(visible=scripts)
    practice.press("J'ai gardé mes codes, continuer")
    someone.at_portal(practice)


def test_the_codes_are_copied_and_printed(demo: DemoProcess, doctor: NewDoctor, screen: NewScreen) -> None:
    practice = screen(DESK_DARK)
    page = practice.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo.issuer)
    page.add_init_script("window.print = () => { window.printed = true; }")
    codes = at_codes(doctor(), practice)
    practice.press("Copier")
    expect(page.locator(".keep [role=status]")).to_have_text("Codes copiés")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    practice.press("Imprimer")
    assert page.evaluate("window.printed") is True
    page.emulate_media(media="print")
    expect(page.locator("#codes")).to_be_visible()
    for name in ("J'ai gardé mes codes, continuer", "Copier", "Changer d'utilisateur"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()


@pytest.mark.attack(61)
@pytest.mark.parametrize("device", [DESK, PHONE], ids=lambda device: device.name)
@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
def test_a_lost_phone_is_replaced_on_the_way_to_the_portal(
    doctor: NewDoctor, screen: NewScreen, device: Device, scripts: bool
) -> None:
    someone, practice = doctor(), screen(device, scripts=scripts)
    someone.sign_in_first(practice)
    lost = someone.phone
    elsewhere = screen(device, scripts=scripts)
    at_lost_phone(someone, elsewhere)
    elsewhere.keep("9-lost-phone")
    elsewhere.fill("Code de récupération", "00000-00000")
    elsewhere.press("Continuer")
    expect(elsewhere.page.get_by_role("alert")).to_contain_text("Code incorrect, expiré ou déjà utilisé")
    expect(elsewhere.page.get_by_label("Code de récupération")).to_have_value("")
    elsewhere.fill("Code de récupération", someone.codes[0].lower())
    elsewhere.press("Continuer")
    elsewhere.heading("Enregistrer un nouveau téléphone")
    expect(elsewhere.page.get_by_text("Il vous restera 9 codes de récupération.")).to_be_visible()
    elsewhere.keep("9-new-phone")
    someone.confirm_phone(elsewhere)
    assert someone.phone != lost
    someone.at_portal(elsewhere)
    elsewhere.follow("Profil")
    expect(elsewhere.page.get_by_text("9 codes restants")).to_be_visible()


def test_a_phone_left_at_home_is_stood_in_for_once(doctor: NewDoctor, screen: NewScreen) -> None:
    someone, practice = doctor(), screen(PHONE)
    someone.sign_in_first(practice)
    elsewhere = screen(PHONE)
    at_lost_phone(someone, elsewhere)
    elsewhere.fill("Code de récupération", someone.codes[0])
    elsewhere.page.get_by_label("Je l'ai seulement oublié").check()
    elsewhere.press("Continuer")
    someone.at_portal(elsewhere)


def test_another_phone_on_the_profile_by_the_codes_of_both(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(PHONE)
    someone.sign_in_first(practice)
    old = someone.phone
    practice.follow("Profil")
    practice.follow("Changer de téléphone")
    practice.heading("Enregistrer un nouveau téléphone")
    practice.keep("6-new-phone")
    new = practice.page.locator("[data-otp-secret]").get_attribute("data-otp-secret")
    assert new
    next_code = demo.next_code(old)
    practice.fill("Code du nouveau téléphone", demo.code(new))
    practice.fill("Code de l'ancien téléphone", next_code)
    practice.press("Valider")
    practice.heading("Profil")
    expect(practice.page.get_by_role("status")).to_contain_text("Votre nouveau téléphone est enregistré.")
