"""What notices say: every kind in every language, as text and as HTML, short, and with one link at most."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from jinja2 import UndefinedError

from idp.languages import Catalogues
from idp.notices.kinds import NEEDED, Notice
from idp.notices.texts import Said, Texts
from idp.settings_groups import Institution, Support
from tests.notices.samples import LINK, SAMPLES

TEMPLATES = Path(__file__).parents[2] / "templates"
LANGUAGES = Catalogues(TEMPLATES / "i18n").languages
HAPPENED = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)
SUPPORT = Support(phone="+377 00 00 00 00", hours="de 9 h à 17 h")
LARGEST = 60_000


def texts(*folders: Path, catalogues: Path = TEMPLATES / "i18n") -> Texts:
    return Texts([*folders, TEMPLATES], Catalogues(catalogues), Institution(), SUPPORT)


def said(name: str, language: str = "fr") -> Said:
    kind, values = SAMPLES[name]
    return texts().render(kind, language, values, HAPPENED)


class Reader(HTMLParser):
    """The elements of a page and the text outside its head."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.open: list[str] = []
        self.title = ""
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"]:
            self.title += data
        elif "main" in self.open:
            self.words += data

    def of(self, tag: str) -> list[Mapping[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_there_is_a_sample_of_each_kind_with_what_it_needs() -> None:
    assert {kind for kind, _ in SAMPLES.values()} == set(Notice)
    assert all(values.keys() == NEEDED[kind] for kind, values in SAMPLES.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_notice_is_a_short_text_and_the_same_as_html(name: str, language: str) -> None:
    notice = said(name, language)
    page = Reader(notice.html)
    assert notice.language == language
    assert 5 < len(notice.subject) < 100
    assert page.of("html") == [{"lang": language}]
    assert not page.open
    assert page.title == notice.subject
    assert len(notice.html.encode()) <= LARGEST
    assert {"name": "color-scheme", "content": "light dark"} in page.of("meta")
    assert "prefers-color-scheme: dark" in notice.html
    assert not re.search(r"<[a-z/!]|&[a-z#]+;", notice.text)
    assert "\n\n\n" not in notice.text
    assert len(notice.text) < 1_500
    shown = " ".join(page.words.split())
    for line in filter(None, notice.text.splitlines()):
        assert " ".join(line.split()) in shown
    for part in (SUPPORT.phone, SUPPORT.hours, Institution().name):
        assert part in notice.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_notice_loads_anything_or_leads_anywhere_but_by_the_link(name: str, language: str) -> None:
    notice = said(name, language)
    page = Reader(notice.html)
    links = [LINK] if SAMPLES[name][0] is Notice.PASSWORD_LINK else []
    assert [attributes.get("href") for attributes in page.of("a")] == links
    assert not {"img", "link", "script", "iframe", "form", "object", "svg"} & {
        tag for tag, _ in page.elements
    }
    assert "url(" not in notice.html
    assert "@import" not in notice.html
    assert re.findall(r"https?://\S+", notice.text) == links


@pytest.mark.parametrize(
    ("name", "subject", "sentence"),
    [
        ("assistant ended by support", "a une nouvelle fin", "notre assistance a fixé la fin de l'accès"),
        ("assistant ended by support at once", "a pris fin", "notre assistance a mis fin à l'accès"),
        ("assistant removed by support", "a été retiré(e)", "notre assistance a retiré NAUDIN Fernand"),
    ],
)
def test_what_support_ends_is_said_to_be_its_act_and_what_the_assistant_still_knows(
    name: str, subject: str, sentence: str
) -> None:
    notice = said(name)
    assert subject in notice.subject
    assert sentence in notice.text
    assert "Si cette personne connaît votre mot de passe, changez-le dans votre profil" in notice.text
    assert ("Vous pouvez changer cette date" in notice.text) == bool(SAMPLES[name][1].get("last"))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_value_is_said(name: str) -> None:
    notice = said(name)
    _, values = SAMPLES[name]
    written = {**values, "first": "03/12/2025", "last": "01/03/2026", "date": "01/03/2026"}
    if values.get("left") == "0":
        del written["left"]
    for value in (written[key] for key in values if key in written and values[key]):
        assert value in f"{notice.subject}\n{notice.text}"


@pytest.mark.parametrize(
    ("language", "expected"), [("fr", "Le 16/01/2026 à 00:30, "), ("xx", "Le 16/01/2026 à 00:30, ")]
)
def test_moments_are_those_of_the_fund_and_an_unknown_language_is_french(
    language: str, expected: str
) -> None:
    notice = said("password changed", language)
    assert expected in notice.text
    assert notice.language == "fr"


def test_numbers_agree() -> None:
    assert "Il vous reste 3 codes de récupération." in said("recovery used").text
    assert "Il vous reste 1 code de récupération." in said("recovery used, one left").text
    assert "C'était le dernier" in said("last recovery used").text
    assert "Il reste 1 jour." in said("date tomorrow").text


def test_a_catalogue_is_all_that_another_language_takes(tmp_path: Path) -> None:
    catalogue = Catalog(locale="de")
    catalogue.add("Votre mot de passe a été modifié", "Ihr Passwort wurde geändert")
    catalogue.add(
        "Le %(on)s à %(at)s, le mot de passe de votre compte a été modifié.", "Am %(on)s um %(at)s."
    )
    file = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    with file.open("wb") as target:
        write_po(target, catalogue)
    notice = texts(catalogues=tmp_path).render(Notice.PASSWORD_CHANGED, "de", {}, HAPPENED)
    assert notice.subject == "Ihr Passwort wurde geändert"
    assert "Am 16. Januar 2026 um 00:30." in notice.text
    assert '<html lang="de">' in notice.html


def test_a_theme_replaces_a_template_or_builds_on_it(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "identifier.txt").write_text("Le vôtre\n{{ identifier }}\n", encoding="utf-8")
    (tmp_path / "mail" / "layout.html").write_text(
        '{% extends "base/mail/layout.html" %}{% block doubt %}<em>Autrement</em>{% endblock %}',
        encoding="utf-8",
    )
    rendered = texts(tmp_path)
    notice = rendered.render(Notice.IDENTIFIER, "fr", {"identifier": "608349"}, HAPPENED)
    assert (notice.subject, notice.text) == ("Le vôtre", "608349\n")
    assert "<h1>Le vôtre</h1>" in notice.html
    other = rendered.render(Notice.PASSWORD_CHANGED, "fr", {}, HAPPENED)
    assert "<em>Autrement</em>" in other.html
    assert other.text == texts().render(Notice.PASSWORD_CHANGED, "fr", {}, HAPPENED).text


def test_a_value_that_a_template_needs_and_nobody_gives_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        texts().render(Notice.PHONE_ADDED, "fr", {}, HAPPENED)


def test_a_name_says_nothing_in_our_name() -> None:
    name = "X</p><a href='https://evil.test'>ici</a>\r\n\r\nBonjour \u202eY"
    notice = texts().render(Notice.PHONE_ADDED, "fr", {"who": name}, HAPPENED)
    assert "ici</a> Bonjour" in notice.text
    assert "\u202e" not in notice.text + notice.html
    assert not Reader(notice.html).of("a")
