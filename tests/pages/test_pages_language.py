"""French first; another language is a catalogue and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from tests.pages.samples import KEY_AS_SHOWN, SAMPLES, TEMPLATES, Institution, Support, make_app, make_pages

ROOT = TEMPLATES.parent
LETTERS = re.compile(r"[^\W\d_]+")
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
    """The pages with an Italian catalogue in which every extracted text stands in brackets."""
    folder = tmp_path_factory.mktemp("italian")
    template = folder / "messages.pot"
    mapping = str(TEMPLATES / "i18n" / "babel.cfg")
    CommandLineInterface().run(["pybabel", "-q", "extract", "-F", mapping, "-o", str(template), str(ROOT)])  # type: ignore[no-untyped-call]
    with template.open("rb") as file:
        messages = read_po(file)
    catalogue = Catalog(locale="it")
    for message in messages:
        if isinstance(message.id, tuple):
            catalogue.add(message.id, tuple(marked(text) for text in message.id))
        elif message.id:
            catalogue.add(message.id, marked(str(message.id)))
    pages = folder / "templates"
    shutil.copytree(TEMPLATES, pages)
    (pages / "i18n" / "it" / "LC_MESSAGES").mkdir(parents=True)
    with (pages / "i18n" / "it" / "LC_MESSAGES" / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    return make_app(make_pages(templates=pages)).test_client()


def words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from words(value.values())
        elif isinstance(value, (list, tuple)):
            yield from words(value)
        elif hasattr(value, "__dataclass_fields__"):
            yield from words(vars(value).values())
        elif isinstance(value, str):
            yield from LETTERS.findall(value)


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
    client: FlaskClient, translated: FlaskClient
) -> None:
    assert "Français" not in client.get("/pages/home").get_data(as_text=True)
    html = translated.get("/pages/home?t=1&ui_locales=it").get_data(as_text=True)
    assert 'href="?t=1&amp;ui_locales=fr"' in html
    assert re.search(r'ui_locales=it" lang="it" hreflang="it" aria-current="true">Italiano', html)
