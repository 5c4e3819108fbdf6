"""The story of the product, screen by screen, by real clicks, with a picture of each screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.people import read_key
from tests.browser.screen import DESK, PHONE_DARK, Device
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server

ASSISTANT = "NAUDIN Fernand"


@pytest.mark.parametrize("device", [DESK, PHONE_DARK], ids=lambda device: device.name)
def test_the_whole_story(demo: DemoProcess, doctor: NewDoctor, screen: NewScreen, device: Device) -> None:
    someone = doctor()
    practice = screen(device)
    page = practice.page

    # 1. Home
    page.goto(demo.issuer)
    practice.heading("Mes services en ligne")
    page.get_by_label("Sélectionner un profil").select_option("Professionnel de santé")
    practice.keep("1-home")
    practice.press("Accéder à mes services")

    # 2. Identification
    practice.heading("Identification")
    assert page.url.startswith(demo.issuer)
    box = page.get_by_label("Activer la double authentification")
    expect(box).not_to_be_checked()
    expect(page.get_by_text("Obligatoire à partir du")).to_be_visible()
    practice.fill("Identifiant", someone.identifier)
    for digit in someone.password:
        practice.press(digit)
    expect(page.get_by_role("status")).to_contain_text(f"{len(someone.password)} chiffres saisis")
    box.check()
    practice.keep("2-identification")
    practice.press("Connexion")

    # 3. First activation
    practice.heading("Activer la double authentification")
    expect(page.get_by_text("recommandations du RGPD")).to_be_visible()
    expect(page.get_by_text(someone.identifier)).to_be_visible()
    someone.phone = read_key(practice)
    practice.keep("3-activation")
    practice.fill("Veuillez saisir le code de double authentification", "000 000")
    practice.press("Valider")
    expect(page.get_by_role("alert")).to_be_focused()
    practice.keep("3-activation-wrong-code")
    assert read_key(practice) == someone.phone
    someone.activate(practice)

    # 5. The FSE portal
    someone.at_portal(practice)
    for tab in ("FSE Médecin", "Formulaires", "Historique FSE", "FSE pré-codées", "Ordipostes HNP", "Profil"):
        expect(page.get_by_role("link", name=tab, exact=True)).to_be_visible()
    expect(page.get_by_text("Vous agissez pour")).to_have_count(0)
    practice.fill("Matricule", "123456")
    practice.press("Lancer la recherche")
    expect(page.get_by_role("cell", name="ROSSIGNEUX").first).to_be_visible()
    practice.keep("5-portal")
    practice.fill("Matricule", "999999")
    practice.press("Lancer la recherche")
    expect(page.get_by_text("Aucun bénéficiaire trouvé")).to_be_visible()
    practice.keep("5-portal-nobody")

    # 6. Profil, by single sign-on
    practice.follow("Profil")
    practice.heading("Profil")
    assert page.url == f"{demo.issuer}/profile"
    for text in (someone.identifier, "940112", "061990001", "(+33) 6 00 00 00 00"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_text("Aucun assistant autorisé")).to_be_visible()

    # 7. Add an assistant
    practice.follow("Ajouter un(e) assistant(e)")
    practice.heading("Ajouter un(e) assistant(e)")
    someone.assistants[ASSISTANT] = read_key(practice)
    assert someone.assistants[ASSISTANT] != someone.phone
    practice.fill("Nom prénom assistant", ASSISTANT)
    practice.fill("Début de validité", "2025-12-03")
    practice.keep("7-add-assistant")
    practice.fill("Saisir code d'authentification", demo.code(someone.assistants[ASSISTANT]))
    practice.press("Valider")
    practice.heading("Profil")
    row = page.get_by_role("row", name=ASSISTANT)
    for text in ("03/12/2025", "–", "Non"):
        expect(row).to_contain_text(text)
    practice.keep("6-profil")
    practice.follow("Retour au service")
    someone.at_portal(practice)

    # 4. A later sign-in, on the same computer
    practice.press("Changer d’utilisateur")
    practice.heading("Vous êtes déconnecté(e) du portail FSE")
    practice.keep("4-changed-user")
    practice.follow("Se connecter")
    someone.identify(practice)
    practice.heading("Double authentification")
    practice.keep("4-code")
    someone.enter_code(practice)
    someone.at_portal(practice)

    # 8. The assistant signs in elsewhere
    desk = screen(device)
    someone.let_assistant_in(desk, ASSISTANT)
    expect(desk.page.locator("#acting")).to_contain_text(f"Vous agissez pour {someone.name}")
    expect(desk.page.locator("#acting")).to_contain_text(ASSISTANT)
    desk.fill("Matricule", "123456")
    desk.press("Lancer la recherche")
    expect(desk.page.locator("#acting")).to_be_visible()
    desk.keep("8-assistant")
    desk.follow("Profil")
    expect(desk.page.locator("[data-error=profile_reserved]")).to_be_visible()
    expect(desk.page.locator("#acting")).to_be_visible()
    desk.keep("8-assistant-profil-refused")
    refused = desk.page.goto(f"{demo.issuer}/profile")
    assert refused
    assert refused.status == 403
    expect(desk.page.locator("[data-error=insufficient_scope]")).to_be_visible()
    desk.keep("8-assistant-profil-refused-at-provider")

    # The doctor removes the assistant, who is out within seconds.
    practice.follow("Profil")
    practice.follow(f"Supprimer {ASSISTANT}")
    practice.keep("6-remove-assistant")
    practice.press("Supprimer cet assistant")
    expect(page.get_by_role("row", name=ASSISTANT)).to_contain_text("Supprimé")
    practice.keep("6-profil-removed")
    desk.revisited_until_gone(f"{demo.portal}/fse")
    desk.heading("Identification")
    someone.identify(desk)
    desk.heading("Double authentification")
    code = demo.next_code(someone.assistants[ASSISTANT])
    desk.fill("Veuillez saisir le code de double authentification", code)
    desk.press("Valider")
    expect(desk.page.get_by_role("alert")).to_contain_text("Code incorrect")
    desk.keep("8-removed-assistant")
