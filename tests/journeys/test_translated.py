"""Whatever a view says goes through the catalogues: the pages of real journeys, with every translated text marked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from babel.support import NullTranslations
from flask import Flask
from flask_babel import Domain

from tests.pages.test_pages_language import LETTERS, Visible, marked
from tests.provider import Provider, Someone, Visit

INNERMOST = re.compile("⟦[^⟦⟧]*⟧")
DATA = (
    "Français English Italiano Caisses Sociales de Monaco CCSS CAR CMRC CAMTI CARTI de 9 h à 17 h +377 "
    "HKLOMTZULT Fifqoe NAUDIN Fernand Service open portal retirement Profil 408461 608349 Firefox Windows"
)
"""What stands on pages and is nobody's to translate: names, and texts of the settings."""
LEAVES = ("/logout", "/switch", "/oauth2/", "/.well-known")


class _Marking(NullTranslations):
    def gettext(self, message: str) -> str:
        return marked(message)

    def ngettext(self, msgid1: str, msgid2: str, n: float) -> str:
        return marked(msgid1 if n == 1 else msgid2)

    ugettext, ungettext = gettext, ngettext


class _Marked(Domain):  # type: ignore[misc]
    def get_translations(self) -> NullTranslations:
        return _Marking()


def unmarked(html: str, secret: str = "") -> set[str]:
    """The words of a page that went through no catalogue, but for data."""
    text = " ".join(Visible(html).text)
    while INNERMOST.search(text):
        text = INNERMOST.sub(" ", text)
    codes = re.findall(r"[0-9A-Z]{4,5}(?:[ -][0-9A-Z]{4,5})+", text)
    return set(LETTERS.findall(text)) - set(LETTERS.findall(" ".join([DATA, secret, *codes])))


def expect_marked(visit: Visit) -> None:
    """Expect nothing on the page that cannot be translated."""
    assert visit.response is not None
    assert not unmarked(visit.response.text, f"{visit.page.secret} {visit.page.error}"), visit.page.url


def explore(visit: Visit, start: str) -> set[str]:
    """Open every page of ours that links lead to, and send each page's own form with nothing entered."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        path = urlsplit(waiting.pop()).path or start
        if path in seen or path.startswith(LEAVES) or not path.startswith("/"):
            continue
        seen.add(path)
        page = visit.get(path)
        expect_marked(visit)
        waiting += [address for _text, address in page.links if not urlsplit(address).netloc]
        own = [place for place, form in enumerate(page.forms) if not form.action]
        if own and visit.response and visit.response.mimetype == "text/html":
            visit.submit(own[0])
            expect_marked(visit)
    return seen


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "HKLOMTZULT Fifqoe")


@pytest.fixture(autouse=True)
def marking(provider: Provider) -> Flask:
    provider.app.extensions["babel"].instance.domain_instance = _Marked()
    return provider.app


def activated(visit: Visit, doctor: Someone) -> Someone:
    """Sign in for the first time, every page on the way looked at."""
    for wrong in ({}, {"identifier": "408461", "password": "wrong"}, {"positions": "12", "keypad": "old"}):
        visit.submit(**wrong)
        expect_marked(visit)
    visit.identify(doctor, activate_mfa="1")
    expect_marked(visit)
    secret = visit.page.secret
    for code in ("", "000000"):
        visit.submit(code=code)
        expect_marked(visit)
    who = Someone(doctor.identifier, doctor.password, doctor.name, secret)
    visit.enter_code(who)
    expect_marked(visit)
    visit.submit()
    return who


def test_of_the_doctor(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.get("/")
    visit.submit(profile="nobody")
    expect_marked(visit)
    visit.authorize()
    expect_marked(visit)
    activated(visit, doctor)
    visit.get("/profile/assistants/new")
    fields = {"valid_from": "2025-12-03", "valid_until": "2020-01-01", "name": "NAUDIN Fernand", "code": "1"}
    visit.submit(**fields)
    expect_marked(visit)
    fresh = Someone("", "", "", visit.page.secret)
    visit.submit(**{**fields, "valid_until": "", "code": fresh.code(provider.clock)})
    expect_marked(visit)
    assert "NAUDIN Fernand" in visit.page.text
    seen = explore(visit, "/profile")
    assert len(seen) > 8, seen


def test_of_the_assistant_and_of_strangers(provider: Provider, doctor: Someone) -> None:
    secured = provider.add("608349", "HKLOMTZULT Fifqoe", mfa=True)
    assistant = provider.add_assistant(secured, "NAUDIN Fernand")
    visit = provider.browser()
    explore(visit, "/")
    visit.get("/profile")
    expect_marked(visit)
    visit.authorize()
    for link in ("/signin/help", "/nowhere"):
        before = visit.page.url
        visit.get(link)
        expect_marked(visit)
        visit.get(before)
    visit.identify(assistant)
    expect_marked(visit)
    explore(visit, visit.page.url)
    visit.authorize()
    visit.identify(assistant)
    visit.enter_code(assistant)
    assert visit.left_for is not None
    explore(visit, "/")
    visit.authorize("retirement")
    expect_marked(visit)
    visit.get("/profile")
    expect_marked(visit)


def test_a_text_without_gettext_is_found(provider: Provider) -> None:
    visit = provider.browser()
    visit.get("/register")
    assert visit.response is not None
    html = visit.response.text
    assert not unmarked(html)
    assert unmarked(html.replace("⟦Comment", "Comment ⟦")) == {"Comment"}
