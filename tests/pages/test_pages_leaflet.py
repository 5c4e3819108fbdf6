"""The leaflet's button: there for whoever has scripts, and missed by nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import SITE, serve

pytestmark = pytest.mark.server


@pytest.fixture
def page(browser: Browser, client: FlaskClient, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=getattr(request, "param", True))
    serve(context, client)
    yield context.new_page()
    context.close()


def test_the_button_prints(page: Page) -> None:
    page.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; };")
    page.goto(f"{SITE}/pages/leaflet?ui_locales=fr")
    page.get_by_role("button", name="Imprimer").click()
    assert page.evaluate("window.printed") == 1


@pytest.mark.parametrize("page", [False], indirect=True)
def test_without_scripts_there_is_no_button_and_the_leaflet_is_whole(page: Page) -> None:
    page.goto(f"{SITE}/pages/leaflet?ui_locales=fr")
    expect(page.get_by_role("button", name="Imprimer")).to_have_count(0)
    expect(page.locator("dt", has_text="Identifiant du cabinet")).to_be_visible()
    expect(page.get_by_role("heading", name="Bon à savoir")).to_be_visible()
