"""What people do with care sheets at the portal."""

from __future__ import annotations

import re

from werkzeug.test import TestResponse

from tests.portal.conftest import Browser

FORM = {"date": "2026-01-13", "caisse": "CCSS", "matricule": "123456", "rang": "1"}
BLANK = "/fse/feuille?date=2026-01-13&caisse=CCSS&matricule=123456&rang=1"
TYPED = {"acte": "V", "montant": "31,50"}


def send(browser: Browser, **changes: str) -> TestResponse:
    """Open the form of a sheet and send it as a person would."""
    blank = browser.get(BLANK)
    assert blank.status_code == 200, blank.location
    return browser.post("/fse/feuille", {**FORM, **hidden(blank.text), **TYPED, **changes})


def cancel(browser: Browser, number: int = 1) -> TestResponse:
    return browser.post("/historique", {"form_token": browser.form_token(), "feuille": str(number)})


def history(browser: Browser) -> str:
    text = re.sub(r"<[^>]+>", " ", browser.get("/historique").text.partition("<main")[2])
    return " ".join(text.split())


def hidden(text: str) -> dict[str, str]:
    main = text.partition("<main")[2]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', main))
