"""French first; another language is a catalogue and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from flask.testing import FlaskClient

from tests.catalogues import extracted, files, read, written
from tests.pages.samples import KEY_AS_SHOWN, SAMPLES, TEMPLATES, Institution, Support, make_app, make_pages

LETTERS = re.compile(r"[^\W\d_]+")
PLACES = re.compile(r"%\(\w+\)[sd]")
NAVIGATION = {"Français", "Italiano"}


class Visible(HTMLParser):
    """The text of a page and of the attributes that are read out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = {"aria-label", "title", "alt", "placeholder", "data-none", "data-one", "data-many"}
        self.text += [value or "" for name, value in attrs if name in spoken]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def marked(text: str) -> str:
    return f"⟦{text}⟧"


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The pages with an Italian catalogue in which every extracted text stands in brackets, and no other language."""
    catalogue = Catalog(locale="it")
    for message in extracted():
        if isinstance(message.id, tuple):
            catalogue.add(message.id, tuple(marked(text) for text in message.id))
        elif message.id:
            catalogue.add(message.id, marked(str(message.id)))
    pages = tmp_path_factory.mktemp("italian") / "templates"
    shutil.copytree(TEMPLATES, pages, ignore=shutil.ignore_patterns("LC_MESSAGES"))
    folder = pages / "i18n" / "it" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_bytes(written(catalogue))
    shutil.rmtree(pages / "i18n" / "en")
    return make_app(make_pages(templates=pages)).test_client(use_cookies=False)


def strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from strings(value.values())
        elif isinstance(value, (list, tuple)):
            yield from strings(value)
        elif hasattr(value, "__dataclass_fields__"):
            yield from strings(vars(value).values())
        elif isinstance(value, str):
            yield value


def words(values: Iterable[Any]) -> set[str]:
    return {word for text in strings(values) for word in LETTERS.findall(text)}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_text_of_the_page_is_extracted_for_translation(translated: FlaskClient, name: str) -> None:
    html = translated.get(f"/pages/{name}?ui_locales=it").get_data(as_text=True)
    assert '<html lang="it">' in html
    text = re.sub(r"⟦.*?⟧", " ", " ".join(Visible(html).text), flags=re.DOTALL)
    sample = SAMPLES[name]
    given = {*words([sample.context, sample.problems, Institution(), Support(), KEY_AS_SHOWN]), *NAVIGATION}
    left = {word for word in LETTERS.findall(text) if word not in given}
    assert not left


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("?ui_locales=it", "fr", "it"),
        ("?ui_locales=xx+it-CH+fr", "", "it"),
        ("", "it-IT,fr;q=0.5", "it"),
        ("", "de", "fr"),
        ("?ui_locales=en", "de;q=banana", "fr"),
    ],
)
def test_the_language_is_the_first_asked_for_that_exists(
    translated: FlaskClient, query: str, accepted: str, language: str
) -> None:
    response = translated.get(f"/pages/home{query}", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}">' in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "garbage",
    [
        "fr-CA",
        "fr_CA",
        "%00",
        "-",
        "--",
        "../../etc",
        "C",
        "x" * 5000,
        "🙂",
        "fr-" * 500,
        "zz-ZZ-zz",
        "%20%20",
    ],
)
def test_any_ui_locales_gets_a_page(client: FlaskClient, translated: FlaskClient, garbage: str) -> None:
    for site in (client, translated):
        response = site.get(f"/pages/home?ui_locales={garbage}")
        assert response.status_code == 200
        assert '<html lang="fr">' in response.get_data(as_text=True)


def test_the_choice_of_language_shows_only_when_there_is_one_and_keeps_the_address(
    translated: FlaskClient, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=shutil.ignore_patterns("i18n"))
    alone = make_app(make_pages(templates=tmp_path / "templates")).test_client()
    assert "Français" not in alone.get("/pages/home").get_data(as_text=True)
    html = translated.get("/pages/home?t=1&ui_locales=it").get_data(as_text=True)
    assert 'href="?t=1&amp;ui_locales=fr"' in html
    assert re.search(r'ui_locales=it" lang="it" hreflang="it" aria-current="true">Italiano', html)


def french_left(html: str, catalogue: Catalog, given: set[str]) -> set[str]:
    """Return the texts on a page that stand in French where the catalogue says them otherwise."""
    shown = {" ".join(text.split()) for text in Visible(html).text}
    return {
        str(message.id)
        for message in catalogue
        if isinstance(message.id, str) and message.id and message.string != message.id
        for piece in re.split("<[^>]+>", message.id)
        if (pattern := as_pattern(piece))
        and any(re.fullmatch(pattern, text) for text in shown if text not in given)
    }


def as_pattern(text: str) -> str:
    """Return what matches a text whatever stands at its placeholders; empty when it is nothing but placeholders."""
    words = " ".join(text.split())
    return ".+".join(map(re.escape, PLACES.split(words))) if LETTERS.search(PLACES.sub("", words)) else ""


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("file", files(), ids=lambda file: file.parent.parent.name)
def test_no_page_in_another_language_shows_a_french_text(client: FlaskClient, file: Path, name: str) -> None:
    catalogue, sample = read(file), SAMPLES[name]
    stranger = client.application.test_client(use_cookies=False)
    html = stranger.get(f"/pages/{name}?ui_locales={catalogue.locale}").get_data(as_text=True)
    assert f'<html lang="{catalogue.locale}">' in html
    given = {*strings([sample.context, sample.problems, Institution(), Support()])}
    assert not french_left(html, catalogue, given)


def test_a_french_text_on_a_page_in_another_language_is_found() -> None:
    catalogue = Catalog(locale="it")
    catalogue.add("Valider", "Conferma")
    catalogue.add(
        "Vous agissez pour <strong>%(name)s</strong>", "Lei agisce per conto di <strong>%(name)s</strong>"
    )
    catalogue.add("Dès le %(date)s.", "Dal %(date)s.")
    html = "<p>Vous agissez  pour <strong>A</strong> Dès le 1er.</p><button>Valider</button>"
    assert len(french_left(html, catalogue, set())) == 3
    assert len(french_left("<p>Dès le 1er.</p>", catalogue, {"Valider"})) == 1
    assert not french_left("<button>Conferma</button><p>Valider</p>", catalogue, {"Valider"})
