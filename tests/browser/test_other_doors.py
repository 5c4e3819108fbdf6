"""Other services behind the same sign-in, other people, and doors that stay closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from idp.demo.relying_party import CodeFlow
from tests.browser.conftest import NewDoctor, NewScreen
from tests.browser.people import Doctor
from tests.browser.screen import DESK, DESK_DARK, PHONE
from tests.demo_process import DemoProcess, running_demo

pytestmark = pytest.mark.server


def service(demo: DemoProcess, client_id: str) -> CodeFlow:
    """A new code flow of one of the demo's clients."""
    return CodeFlow(demo.issuer, next(one for one in demo.told["clients"] if one["client_id"] == client_id))


def test_single_sign_on_admits_to_a_second_service_without_a_page(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(DESK)
    someone.sign_in_first(practice)
    flow = service(demo, "demo-confidential")
    claims = flow.finish(practice.leads_to(flow.origin, lambda: practice.page.goto(flow.begin())))
    assert (claims["acr"], claims.get("act")) == ("mfa", None)


@pytest.mark.attack(63)
def test_an_assistant_is_refused_where_the_service_does_not_allow_it(
    demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice, desk = doctor(), screen(DESK), screen(PHONE)
    someone.sign_in_first(practice)
    someone.add_assistant(practice, "NAUDIN Fernand")
    someone.let_assistant_in(desk, "NAUDIN Fernand")
    flow = service(demo, "dossier-retraite")
    answer = desk.page.goto(flow.begin())
    assert answer
    assert answer.status == 403
    desk.heading("Accès refusé")
    expect(desk.page.get_by_text("NAUDIN Fernand")).to_be_visible()
    desk.keep("8-assistant-refused-elsewhere")
    back = desk.leads_to(flow.origin, lambda: desk.press("Retour au service"))
    assert "error=access_denied" in back


def test_an_insured_person_reaches_their_own_profile_without_assistants(
    demo: DemoProcess, screen: NewScreen
) -> None:
    told = demo.person("insured", mfa=False)
    person, home = Doctor(demo, told["name"], told["identifier"], told["password"]), screen(DESK)
    home.page.goto(demo.issuer)
    home.page.get_by_label("Sélectionner un profil").select_option("Assuré")
    home.press("Accéder à mes services")
    person.identify(home)
    home.heading("Profil")
    expect(home.page.get_by_text("Liste d'assistants")).to_have_count(0)
    expect(home.page.get_by_role("link", name="Retour au service")).to_have_count(0)
    home.keep("6-profil-insured")
    home.page.goto(f"{demo.portal}/login")
    expect(home.page.locator("[data-error=access_denied]")).to_be_visible()
    home.keep("5-portal-refused-to-insured")


def test_a_request_of_an_unknown_service_is_an_error_page(demo: DemoProcess, screen: NewScreen) -> None:
    stranger = screen(DESK)
    answer = stranger.page.goto(
        f"{demo.issuer}/oauth2/authorize?client_id=nobody&redirect_uri=https://evil.example/"
    )
    assert answer
    assert answer.status == 400
    expect(stranger.page.locator("[data-error=invalid_request]")).to_be_visible()
    stranger.keep("0-unknown-service")


def test_who_is_not_registered_is_told_how_to(demo: DemoProcess, screen: NewScreen) -> None:
    stranger = screen(PHONE)
    stranger.page.goto(demo.issuer)
    stranger.follow("Enregistrez-vous")
    stranger.heading("Comment vous enregistrer")
    stranger.keep("1-register")


def test_an_assistant_gets_an_end_date_and_a_mistake_is_shown_at_its_field(
    doctor: NewDoctor, screen: NewScreen
) -> None:
    someone, practice = doctor(), screen(DESK_DARK)
    someone.sign_in_first(practice)
    someone.add_assistant(practice, "NAUDIN Fernand")
    practice.follow("Modifier NAUDIN Fernand")
    practice.fill("Fin de validité (facultatif)", "2020-01-01")
    practice.press("Valider")
    expect(practice.page.get_by_role("alert")).to_contain_text("précède le début")
    practice.keep("7-end-before-start")
    practice.fill("Fin de validité (facultatif)", "2099-12-31")
    practice.press("Valider")
    practice.heading("Profil")
    expect(practice.page.get_by_role("row", name="NAUDIN Fernand")).to_contain_text("31/12/2099")
    practice.follow("Ajouter un(e) assistant(e)")
    practice.press("Valider")
    expect(practice.page.get_by_role("alert")).to_be_focused()
    practice.keep("7-add-assistant-nothing-entered")
    practice.press("Annuler")
    practice.heading("Profil")


class TestObligation:
    @pytest.fixture(scope="class")
    @staticmethod
    def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
        with running_demo(tmp_path_factory.mktemp("obliged"), "--mfa-date", "2026-03-01") as running:
            yield running

    def test_from_the_date_on_the_box_is_ticked_and_locked_with_the_sentence(
        self, demo: DemoProcess, doctor: NewDoctor, screen: NewScreen
    ) -> None:
        someone, practice = doctor(), screen(DESK)
        someone.begin(practice)
        box = practice.page.get_by_label("Activer la double authentification")
        expect(box).to_be_checked()
        expect(box).to_be_disabled()
        expect(practice.page.get_by_text("obligatoire depuis le 01/03/2026")).to_be_visible()
        practice.keep("2-identification-obliged")
        someone.identify(practice)
        someone.activate(practice)
        someone.at_portal(practice)
