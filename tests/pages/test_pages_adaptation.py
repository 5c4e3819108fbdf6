"""Pages follow the person: language, zoom, spacing, colours of the system, stillness, and paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any, Literal

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from tests.catalogues import files
from tests.pages.conftest import SITE, serve
from tests.pages.samples import SAMPLES

pytestmark = pytest.mark.server

LANGUAGES = ["fr", *(file.parent.parent.name for file in files())]

# WCAG 2.2, 1.4.12: what a person may set for themselves.
SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    * { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
    p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}"""
WIDTH = "document.documentElement.scrollWidth"
MOTION = """() => [...document.querySelectorAll('*')].filter((e) => {
  const s = getComputedStyle(e);
  const moves = s.transitionDuration.split(', ').some((t) => parseFloat(t) > 0);
  return moves || s.animationName !== 'none' || s.scrollBehavior === 'smooth';
}).map((e) => e.outerHTML.slice(0, 80))"""
ON_PAPER = """() => {
  const light = (colour) => {
    const [r, g, b, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return alpha === 0 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  const shown = [...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility());
  const all = [document.documentElement, document.body, ...shown];
  const grounds = all.map((e) => [e, light(getComputedStyle(e).backgroundColor)]);
  const written = shown.filter((e) => !e.closest('svg') && !e.matches(':disabled'));
  const inks = written.map((e) => [e, light(getComputedStyle(e).color)]);
  return {
    dark: grounds.filter(([e, l]) => l !== null && l < 0.99).map(([e]) => e.outerHTML.slice(0, 80)),
    pale: inks.filter(([e, l]) => l > 0.25).map(([e]) => e.outerHTML.slice(0, 80)),
    only_for_screens: shown.filter((e) => e.matches('header, footer, nav, button, .button, .skip')).length,
    left: document.querySelector('main').innerText.trim().length,
  };
}"""
BORDERLESS = """() => [...document.querySelectorAll('button, .button, select, input')].filter((e) => {
  const s = getComputedStyle(e), line = parseFloat(s.borderTopWidth) >= 1 && s.borderTopStyle !== 'none';
  const drawn = e.checkVisibility() && !['hidden', 'checkbox', 'radio'].includes(e.type);
  return drawn && !(line && s.borderTopColor !== s.backgroundColor);
}).map((e) => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def opened(browser: Browser, client: FlaskClient) -> Iterator[Callable[..., Page]]:
    """Open a page as a person's system asks for it; each way once for all samples."""
    stranger = client.application.test_client(use_cookies=False)
    with ExitStack() as contexts:

        @cache
        def page(media: Literal["print", "screen"] = "screen", **wishes: Any) -> Page:
            context = browser.new_context(**wishes)
            contexts.callback(context.close)
            serve(context, stranger)
            shown = context.new_page()
            shown.emulate_media(media=media)
            return shown

        yield page


@pytest.mark.parametrize("name", SAMPLES)
def test_every_language_fits_a_phone_a_page_at_twice_its_size_and_wider_spacing(
    opened: Callable[..., Page], name: str
) -> None:
    page = opened()
    for language in LANGUAGES:
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(f"{SITE}/pages/{name}?ui_locales={language}")
        assert page.evaluate(WIDTH) <= 320
        page.evaluate(SPACED)
        assert page.evaluate(WIDTH) <= 320
        # 200 % of text alone, on half a desk.
        page.set_viewport_size({"width": 640, "height": 640})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(WIDTH) <= 640


@pytest.mark.parametrize("name", SAMPLES)
def test_with_the_systems_colours_every_control_keeps_its_edge(
    opened: Callable[..., Page], name: str
) -> None:
    page = opened(forced_colors="active")
    page.goto(f"{SITE}/pages/{name}")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate(BORDERLESS) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_moves_for_whoever_asks_for_stillness(opened: Callable[..., Page], name: str) -> None:
    page = opened(reduced_motion="reduce")
    page.goto(f"{SITE}/pages/{name}")
    assert page.evaluate(MOTION) == []


def test_for_others_buttons_answer_softly(opened: Callable[..., Page]) -> None:
    page = opened(reduced_motion="no-preference")
    page.goto(f"{SITE}/pages/code")
    assert any("button" in element for element in page.evaluate(MOTION))


@pytest.mark.parametrize("name", SAMPLES)
def test_on_paper_a_page_is_black_on_white_and_without_what_only_a_screen_can_do(
    opened: Callable[..., Page], name: str
) -> None:
    page = opened(media="print", color_scheme="dark")
    page.goto(f"{SITE}/pages/{name}")
    told = page.evaluate(ON_PAPER)
    assert (told["dark"], told["pale"], told["only_for_screens"]) == ([], [], 0)
    assert told["left"]
