"""Every page by the Tab key alone: all of it is reached, in its order, seen, and left again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.browser.keyboard import Keyboard
from tests.pages.conftest import SITE, serve
from tests.pages.samples import SAMPLES

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def page(browser: Browser, client: FlaskClient) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 640})
    serve(context, client)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_tab_reaches_everything_in_order_shows_where_it_is_and_leads_out_again(page: Page, name: str) -> None:
    page.goto(f"{SITE}/pages/{name}")
    keyboard = Keyboard(page)
    there, back = keyboard.round("Tab"), keyboard.round("Shift+Tab")
    assert set(keyboard.stops()) <= set(there)
    assert there == sorted(there)
    assert back == there[::-1]


@pytest.mark.parametrize("width", [320, 900])
def test_going_on_is_seen_below_the_sign_in_as_its_key_comes_after(page: Page, width: int) -> None:
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": 640})
    page.goto(f"{SITE}/pages/identification-continue")
    sign_in = page.get_by_role("button", name="Connexion").bounding_box()
    goes_on = page.locator("#continue").bounding_box()
    assert before is not None
    page.set_viewport_size(before)
    assert sign_in is not None
    assert goes_on is not None
    assert sign_in["y"] + sign_in["height"] <= goes_on["y"]


@pytest.mark.parametrize("name", ["home", "profile"])
def test_the_first_key_offers_to_skip_to_the_content(page: Page, name: str) -> None:
    page.goto(f"{SITE}/pages/{name}")
    keyboard = Keyboard(page)
    keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_focus_that_does_not_show_and_one_that_is_held_are_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<a href=/1>1</a> <a href=/2 style='outline: none'>2</a>")
    keyboard = Keyboard(page)
    keyboard.press("Tab")
    with pytest.raises(AssertionError, match="does not show"):
        keyboard.press("Tab")
    page.set_content("<input> <input onkeydown='if (event.key === `Tab`) event.preventDefault()'>")
    with pytest.raises(AssertionError, match="a trap"):
        keyboard.round()
    page.set_content("<button>1</button> <div style='position: fixed; inset: 0; background: red'></div>")
    with pytest.raises(AssertionError, match="covered"):
        keyboard.press("Tab")
    page.close()
