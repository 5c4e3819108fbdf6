"""A scene becomes a picture once its page shows every label that the text says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from playwright.sync_api import Error, Locator, Page

from tests.guide.failure import GuideFailed
from tests.guide.text import Guide, Step
from tests.guide.walk import Scene

Progress = Callable[[str], None]

# Through the object model: the pages' policy blocks a style in the markup.
_FRAME = """element => Object.assign(element.style,
  {outline: '4px solid #d97706', outlineOffset: '5px', borderRadius: '6px'})"""

# Debian's Chromium speaks English only without its package of languages; a browser in French shows a day like this.
_FRENCH_DAYS = """() => document.querySelectorAll('input[type=date]').forEach((field) => {
  const day = field.value.split('-').reverse().join('/') || 'jj/mm/aaaa';
  field.type = 'text';
  field.value = day;
})"""
_OWN_DAYS = """() => document.querySelectorAll('input[type=text]').forEach((field) => {
  if (!/^(\\d\\d.\\d\\d.\\d{4}|jj.mm.aaaa)$/.test(field.value)) return;
  const day = field.value.split('/').reverse().join('-');
  field.type = 'date';
  field.value = day;
})"""


def pictures(guide: Guide, scenes: Iterable[Scene], progress: Progress) -> Mapping[str, bytes]:
    """Return the picture of every step by its scene's name, as PNG.

    Raises ``GuideFailed`` for a label that its page does not show, a scene that never comes, or one without a step.
    """
    wanted: dict[str, list[Step]] = {}
    for step in guide.steps:
        wanted.setdefault(step.picture, []).append(step)
    taken: dict[str, bytes] = {}
    last = "the demo's start"
    try:
        for scene in scenes:
            last = scene.name
            if scene.name not in wanted:
                raise GuideFailed(f"the scene {scene.name!r} has no step in the text")
            for step in wanted[scene.name]:
                _expect_labels(scene, step)
            taken[scene.name] = _taken(
                scene.page, [mark for step in wanted[scene.name] for mark in step.mark]
            )
            progress(f"{len(taken)}/{len(wanted)} {scene.name}")
    except (AssertionError, Error) as error:
        raise GuideFailed(f"after {last!r} the story does not go on: {_short(error)}") from error
    if missing := wanted.keys() - taken.keys():
        raise GuideFailed(f"no scene is called {', '.join(sorted(missing))}")
    return taken


def _expect_labels(scene: Scene, step: Step) -> None:
    shown = _plain(scene.page.inner_text("body"))
    for label in step.labels:
        if _plain(label) not in shown:
            raise GuideFailed(
                f"the page {scene.name!r} ({scene.page.title()}) does not show the label {label!r}"
            )


def _taken(page: Page, marks: Iterable[str]) -> bytes:
    page.evaluate("scrollTo(0, 0)")
    with suppress(Error):  # a page without a focus has none to leave
        page.evaluate("document.activeElement.blur()")
    for mark in marks:
        _marked(page, mark).evaluate(_FRAME)
    page.evaluate(_FRENCH_DAYS)
    taken = page.screenshot(full_page=True)
    page.evaluate(_OWN_DAYS)
    return taken


def _marked(page: Page, mark: str) -> Locator:
    """Return what a mark names: a button, a link, a field, a row, else a text."""
    ways = [page.get_by_role(role, name=mark, exact=True) for role in ("button", "link")]
    ways += [page.get_by_label(mark, exact=True), page.get_by_role("row", name=mark), page.get_by_text(mark)]
    for found in ways:
        if found.count():
            return found.first
    raise GuideFailed(f"the page {page.title()!r} has nothing to frame called {mark!r}")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("’", "'"))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
