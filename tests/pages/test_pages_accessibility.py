"""axe-core, reflow and the keypad in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import SITE, serve
from tests.pages.samples import SAMPLES

pytestmark = pytest.mark.server

RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@pytest.fixture(scope="module", params=["light", "dark"])
def page(browser: Browser, client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param)
    serve(context, client)
    yield context.new_page()
    context.close()


@pytest.fixture
def plain(browser: Browser, client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=getattr(request, "param", True))
    serve(context, client)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_axe_finds_nothing_and_nothing_overflows_on_a_phone_and_on_a_desk(page: Page, name: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        page.goto(f"{SITE}/pages/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        results = Axe().run(page, options=RULES)
        assert results.violations_count == 0, results.generate_report()
    assert not [text for text in complaints if "Content Security Policy" in text]


def test_the_keypad_sends_places_never_digits_and_the_last_way_of_typing_wins(plain: Page) -> None:
    plain.goto(f"{SITE}/pages/identification")
    password, positions = plain.get_by_label("Mot de passe"), plain.locator("input[name=positions]")
    status = plain.get_by_role("status")
    password.fill("secret")
    plain.get_by_role("button", name="8").click()
    expect(password).to_have_value("")
    expect(positions).to_have_value("1")
    expect(status).to_have_text("● 1 chiffre saisi")
    plain.get_by_role("button", name="7").press("Space")
    expect(positions).to_have_value("10")
    expect(status).to_have_text("●● 2 chiffres saisis")
    plain.get_by_role("button", name="Effacer").click()
    expect(positions).to_have_value("")
    expect(status).to_have_text("Aucun chiffre saisi")
    plain.get_by_role("button", name="5").click()
    password.press_sequentially("x")
    expect(positions).to_have_value("")
    expect(password).to_have_value("x")


@pytest.mark.parametrize("plain", [True, False], ids=["script", "no script"], indirect=True)
def test_enter_in_the_password_is_connexion_never_a_key_or_annuler(plain: Page) -> None:
    plain.goto(f"{SITE}/pages/identification-typed")
    plain.get_by_label("Identifiant", exact=True).fill("408461")
    plain.get_by_label("Mot de passe").fill("x")
    with plain.expect_request(lambda request: request.method == "POST") as sent:
        plain.get_by_label("Mot de passe").press("Enter")
    body = sent.value.post_data or ""
    assert "identifier=408461" in body
    assert "key=" not in body
    assert "cancel=" not in body


@pytest.mark.parametrize("plain", [False], ids=["no script"], indirect=True)
def test_without_script_a_key_is_a_round_trip_that_comes_back_to_the_keypad(plain: Page) -> None:
    plain.goto(f"{SITE}/pages/identification-typed")
    with plain.expect_request(lambda request: request.method == "POST") as sent:
        plain.get_by_role("button", name="0", exact=True).click()
    body = sent.value.post_data or ""
    assert "key=2" in body
    assert "positions=31415926" in body
    assert plain.url.endswith("#keys")


def test_the_summary_of_problems_has_the_focus_and_its_link_moves_it_to_the_field(plain: Page) -> None:
    plain.goto(f"{SITE}/pages/code-wrong")
    expect(plain.get_by_role("alert")).to_be_focused()
    plain.get_by_role("link", name="Code incorrect.").click()
    expect(plain.get_by_label("Veuillez saisir le code de double authentification")).to_be_focused()


def test_the_code_field_has_the_focus_when_nothing_is_wrong(plain: Page) -> None:
    plain.goto(f"{SITE}/pages/code")
    expect(plain.get_by_label("Veuillez saisir le code de double authentification")).to_be_focused()


def test_the_qr_code_is_dark_on_white_in_dark_mode_and_with_forced_colours(
    browser: Browser, client: FlaskClient
) -> None:
    context = browser.new_context(color_scheme="dark", forced_colors="active")
    serve(context, client)
    page = context.new_page()
    page.goto(f"{SITE}/pages/activation")
    assert (
        page.locator(".qr").evaluate("element => getComputedStyle(element).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert page.locator(".qrline").evaluate("element => getComputedStyle(element).stroke") == "rgb(0, 0, 0)"
    context.close()
