"""Choosing a password in Chromium: it can be looked at, by keyboard too, and is sent as a password all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import SITE, serve

pytestmark = pytest.mark.server


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def page(browser: Browser, client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param)
    serve(context, client)
    opened = context.new_page()
    opened.goto(f"{SITE}/pages/password")
    yield opened
    context.close()


def test_what_is_chosen_can_be_looked_at_where_scripts_run_and_chosen_where_they_do_not(page: Page) -> None:
    field = page.get_by_label("Nouveau mot de passe", exact=True)
    reveal = page.get_by_role("button", name="Afficher le mot de passe")
    field.fill("48213975")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "new-password")
    expect(field).to_have_attribute("inputmode", "numeric")
    if page.evaluate("() => document.querySelectorAll('.reveal').length") == 0:
        expect(reveal).to_have_count(0)
        return
    field.press("Tab")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("type", "text")
    hide = page.get_by_role("button", name="Masquer le mot de passe")
    expect(hide).to_be_focused()
    with page.expect_request(lambda request: request.method == "POST"):
        field.press("Enter")


def test_a_password_shown_is_hidden_again_before_it_is_sent(browser: Browser, client: FlaskClient) -> None:
    context = browser.new_context()
    serve(context, client)
    page = context.new_page()
    page.goto(f"{SITE}/pages/password")
    page.get_by_role("button", name="Afficher le mot de passe").click()
    page.evaluate("() => addEventListener('submit', (event) => event.preventDefault())")
    page.get_by_role("button", name="Valider").click()
    expect(page.locator("#new_password")).to_have_attribute("type", "password")
    context.close()
