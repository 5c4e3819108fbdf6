"""Somebody without a mouse: every stop of the Tab key must show itself, and none may hold the focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

MOST_STOPS = 120

# Looks are taken before each key: an element that has the focus is compared with itself without it.
_REMEMBER = """() => {
  const look = (e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow].join(); };
  window.looks ??= new WeakMap();
  for (const e of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]'))
    if (e !== document.activeElement) window.looks.set(e, look(e));
}"""
_STOP = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  const x = Math.min(Math.max(r.left + r.width / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(r.top + r.height / 2, 0), innerHeight - 1);
  const hit = document.elementFromPoint(x, y);
  const look = [s.outlineStyle, s.outlineWidth, s.boxShadow].join();
  const line = s.outlineStyle === 'auto' || s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
  return {
    what: e.outerHTML.slice(0, 160),
    place: [...document.querySelectorAll('*')].indexOf(e),
    ring: (line || s.boxShadow !== 'none') && look !== window.looks?.get(e),
    inside: r.width > 0 && r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth,
    free: !!hit && (e.contains(hit) || hit.contains(e)),
  };
}"""
_STOPS = """() => [...document.querySelectorAll('*')].flatMap((e, place) => {
  const kind = e.matches('a[href], button, input, select, textarea, summary');
  const reached = e.tabIndex >= 0 && !e.disabled && e.type !== 'hidden' && (e.type !== 'radio' || e.checked);
  return kind && reached && e.checkVisibility() ? [place] : [];
})"""


@dataclass(frozen=True)
class Keyboard:
    """The keys, on one page after another."""

    page: Page

    def press(self, key: str) -> dict[str, Any] | None:
        """Press a key that moves the focus, and return where it is then; ``None``: out of the page."""
        self.page.evaluate(_REMEMBER)
        self.page.keyboard.press(key)
        stop: dict[str, Any] | None = self.page.evaluate(_STOP)
        assert stop is None or stop["ring"], f"the focus does not show: {stop['what']}"
        assert stop is None or stop["inside"], f"the focus is out of sight: {stop['what']}"
        assert stop is None or stop["free"], f"the focus is covered: {stop['what']}"
        return stop

    def to(self, wanted: Locator) -> None:
        """Press Tab until ``wanted`` has the focus; the way leads once round the page at most."""
        wanted.wait_for()
        for _ in range(MOST_STOPS):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.press("Tab")
        raise AssertionError(f"{wanted} is not reached by Tab")

    def enter(self, wanted: Locator) -> None:
        """Go to a button or a link and press Enter."""
        self.to(wanted)
        self.page.keyboard.press("Enter")

    def type(self, wanted: Locator, text: str) -> None:
        """Go to a field and type over what it holds."""
        self.to(wanted)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def round(self, key: str = "Tab") -> list[int]:
        """Go on with Tab, out of the page and once round it; return the places of the stops in order.

        Backwards Chromium does not stop outside: the round ends where it began.
        """
        for _ in range(MOST_STOPS):
            if self.press(key) is None:
                break
        places: list[int] = []
        for _ in range(MOST_STOPS):
            stop = self.press(key)
            if stop is None or (len(places) > 1 and stop["place"] == places[0]):
                return places
            if stop["place"] not in places[-1:]:  # a date is one field of several stops
                places.append(stop["place"])
        raise AssertionError(f"a trap: {stop and stop['what']}")

    def stops(self) -> list[int]:
        """Return the places of everything that a key should reach."""
        found: list[int] = self.page.evaluate(_STOPS)
        return found
