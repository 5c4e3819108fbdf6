"""The translations are whole: a text without one, or one that no longer has a text, fails here, not before a person."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from tests.catalogues import extracted, files, forms, read, untranslated, written

KEPT = re.compile(r"%\(\w+\)[sd]|%%|</?\w+>")
"""What a translation must hold as the French text does."""

every_language = pytest.mark.parametrize("file", files(), ids=lambda file: file.parent.parent.name)


def changed(message: Message) -> bool:
    """Say whether a translation lost, gained or misspelt a placeholder, a tag or the blank at an end."""
    ids, strings = forms(message.id), forms(message.string)
    many = [*ids[:1], *ids[1:] * (len(strings) - 1)]
    return any(
        sorted(KEPT.findall(one)) != sorted(KEPT.findall(other))
        or (one[:1].isspace(), one[-1:].isspace()) != (other[:1].isspace(), other[-1:].isspace())
        for one, other in zip(many, strings, strict=True)
    )


def test_english_and_italian_stand_beside_french() -> None:
    assert [file.parent.parent.name for file in files()] == ["en", "it"]


@every_language
def test_every_text_has_a_whole_translation_and_none_is_doubtful(file: Path) -> None:
    assert not untranslated(read(file)), "make messages, then translate"


@every_language
def test_the_catalogue_holds_the_texts_of_code_and_templates_and_no_other(file: Path) -> None:
    catalogue, template = read(file), extracted()
    assert not catalogue.obsolete
    assert {message.id for message in catalogue} == {message.id for message in template}


@every_language
def test_the_file_is_as_make_messages_writes_it(file: Path) -> None:
    catalogue = read(file)
    assert file.read_bytes() == written(catalogue)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    assert file.read_bytes() == written(catalogue), "run make messages"


@every_language
def test_placeholders_tags_and_plurals_are_those_of_the_french_text(file: Path) -> None:
    catalogue = read(file)
    messages = [message for message in catalogue if message.id]
    assert not [message.id for message in messages if changed(message)]
    plural = {len(forms(message.string)) for message in messages if isinstance(message.id, tuple)}
    assert plural == {catalogue.num_plurals}


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("Dès le %(date)s.", "Dal %(data)s."),
        ("Dès le %(date)s.", "Dal."),
        ("Dès demain.", "Dal %(date)s."),
        ("<strong>Oui</strong>", "<strong>Sì<strong>"),
        (" et", "e"),
        (("%(num)d jour", "%(num)d jours"), ("%(num)d giorno", "giorni")),
    ],
)
def test_a_changed_placeholder_is_found(
    text: str | tuple[str, str], translation: str | tuple[str, str]
) -> None:
    assert changed(Message(text, translation))


def test_a_missing_half_or_doubtful_translation_is_found() -> None:
    catalogue = Catalog(locale="it")
    catalogue.add("Oui", "Sì")
    catalogue.add("Non", "")
    catalogue.add("Nom", "Nome", flags=["fuzzy"])
    catalogue.add(("un jour", "des jours"), ("un giorno", ""))
    assert untranslated(catalogue) == ["Non", "Nom", "('un jour', 'des jours')"]


def test_a_new_text_comes_without_a_guess_and_an_old_one_goes(tmp_path: Path) -> None:
    catalogue = Catalog(locale="it")
    catalogue.add("Modifier le mot de passe", "Modificare la password")
    template = Catalog()
    template.add("Modifier ce mot de passe")
    catalogue.update(template, no_fuzzy_matching=True)
    file = tmp_path / "it" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    file.write_bytes(written(catalogue))
    assert untranslated(read(file)) == ["Modifier ce mot de passe"]
    assert not {b"#~", b"Date", b"fuzzy"} & set(re.findall(rb"#~|Date|fuzzy", file.read_bytes()))
