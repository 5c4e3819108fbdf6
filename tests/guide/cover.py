"""The picture of the README: the identification page on a computer, and on a phone in the dark."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from tests.browser.people import Doctor
from tests.browser.screen import Device, Screen
from tests.demo_process import DemoProcess, running_demo

DESK = Device("cover-desk", 1000, 700, "light")
PHONE = Device("cover-phone", 380, 800, "dark")
WIDTH, HEIGHT = 930, 540

_COMPOSED = """<!doctype html><style>
body {{ margin: 0; background: transparent; }}
img {{ position: absolute; border: 1px solid #b9b4aa; border-radius: 12px; }}
.desk {{ left: 0; top: 0; width: 730px; }}
.phone {{ right: 0; bottom: 0; width: 240px; border: 5px solid #2a2f38; border-radius: 26px; }}
</style><img class="desk" src="{desk}"><img class="phone" src="{phone}">"""


def cover(browser: Browser, file: Path) -> Path:
    """Write the picture, from a demo of its own."""
    with tempfile.TemporaryDirectory(prefix="cover-") as folder, running_demo(Path(folder)) as demo:
        desk = _identification(demo, browser, DESK, "light")
        phone = _identification(demo, browser, PHONE, "dark")
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_content(_COMPOSED.format(desk=desk, phone=phone))
    page.screenshot(path=file, omit_background=True)
    page.close()
    return file


def _identification(
    demo: DemoProcess, browser: Browser, device: Device, colours: Literal["light", "dark"]
) -> str:
    context = browser.new_context(
        viewport={"width": device.width, "height": device.height},
        color_scheme=colours,
        locale="fr-FR",
        reduced_motion="reduce",
    )
    told = demo.person("practitioner", mfa=False)
    screen = Screen(context.new_page(), device)
    Doctor(demo, told["name"], told["identifier"], told["password"]).begin(screen)
    screen.fill("Identifiant", told["identifier"])
    for digit in told["password"]:
        screen.press(digit)
    screen.page.get_by_label("Activer la double authentification").check()
    screen.page.mouse.move(0, 0)
    screen.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    taken = screen.page.screenshot()
    context.close()
    return f"data:image/png;base64,{base64.b64encode(taken).decode()}"
