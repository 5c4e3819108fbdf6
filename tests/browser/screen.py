"""One browser of its own, with everything that goes wrong in it written down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Response, expect

from tests.waiting import wait_until

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@dataclass(frozen=True)
class Device:
    """What somebody looks at."""

    name: str
    width: int
    height: int
    colours: Literal["light", "dark"]


DESK = Device("desk", 1280, 800, "light")
DESK_DARK = Device("desk-dark", 1280, 800, "dark")
PHONE = Device("phone", 320, 640, "light")
PHONE_DARK = Device("phone-dark", 320, 640, "dark")


@dataclass
class Screen:
    """A page in a context of its own: no cookie is shared with another screen."""

    page: Page
    device: Device
    complaints: list[str] = field(default_factory=list)
    _nobody_at: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def opened(cls, browser: Browser, device: Device, *, scripts: bool) -> Iterator[Screen]:
        context = browser.new_context(
            viewport={"width": device.width, "height": device.height},
            color_scheme=device.colours,
            java_script_enabled=scripts,
            locale="fr-FR",
            timezone_id="Europe/Monaco",
        )
        context.set_default_timeout(15_000)
        shown = cls(context.new_page(), device)
        shown._listen()
        try:
            yield shown
        finally:
            context.close()
        assert not shown.complaints, "\n".join(shown.complaints)

    def keep(self, name: str) -> None:
        """Keep a picture of the whole page; nothing may reach beyond its width."""
        folder = SCREENSHOTS / self.device.name
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png", full_page=True)
        wide = self.page.locator("html").evaluate("element => element.scrollWidth")
        assert wide <= self.device.width, f"{name} is {wide} pixels wide"

    def heading(self, text: str) -> None:
        """Expect the page of that heading."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def press(self, name: str) -> None:
        """Click the button of that name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        """Click the link of that name."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        """Type into the field of that label."""
        self.page.get_by_label(label, exact=True).fill(text)

    def revisited_until_gone(self, address: str) -> None:
        """Open an address again and again until it leads elsewhere: a session ends within `revocation_lag`."""

        def gone() -> bool:
            self.page.goto(address)
            return self.page.url != address

        wait_until(gone, f"{address} leads elsewhere", seconds=5)

    def leads_to(self, origin: str, act: Callable[[], object]) -> str:
        """Return the address below `origin`, where nobody listens, that `act` leads to."""
        self._nobody_at.add(origin)
        below = re.compile(rf"{re.escape(origin)}/")
        with self.page.expect_request(below) as request, suppress(Error):
            act()
        return request.value.url

    def _listen(self) -> None:
        refused: set[str] = set()

        def answered(response: Response) -> None:
            if response.request.is_navigation_request() and 400 <= response.status < 500:
                refused.add(response.url)

        def said(message: ConsoleMessage) -> None:
            # Chromium complains about the status of a page that we answer with an error on purpose.
            status = message.text.startswith(
                "Failed to load resource: the server responded with a status of 4"
            )
            address = message.location["url"]
            deliberate = (status and address in refused) or address.startswith(tuple(self._nobody_at))
            if (message.type == "error" and not deliberate) or "Content Security Policy" in message.text:
                self.complaints.append(f"{self.page.url}: {message.text}")

        self.page.on("response", answered)
        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
