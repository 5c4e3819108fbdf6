"""The ``.po`` files of ``templates/i18n``: ``make messages`` brings them up to what code and templates say.

A text that is gone goes, a new one comes without a translation, and nothing else moves: no place, no date, no guess.
A new language is a folder with an empty ``LC_MESSAGES/messages.po``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "templates" / "i18n"


def labels(
    file: BinaryIO, keywords: object, comment_tags: object, options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the labels of the profiles from the settings (Babel's interface of extractors)."""
    del keywords, comment_tags, options
    for profile in YAML(typ="safe").load(file)["profiles"].values():
        yield 1, "gettext", profile["label"], []


def extracted() -> Catalog:
    """Return every text that can be translated."""
    with (FOLDER / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalog()
    for _name, _line, message, _comments, context in extract_from_dir(ROOT, methods, options):
        found.add(message, context=context)
    return found


def files() -> list[Path]:
    """Return the file of each language."""
    return sorted(FOLDER.glob("*/LC_MESSAGES/messages.po"))


def read(file: Path) -> Catalog:
    """Return the catalogue of a file."""
    with file.open("rb") as source:
        return read_po(source, locale=file.parent.parent.name)


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file holds it."""
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    body = BytesIO()
    write_po(
        body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True
    )
    return head.encode() + body.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts without a whole translation, or with one that somebody still has to look at."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(string: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the forms of a text: one, or as many as its plural has."""
    return tuple(string) if isinstance(string, (list, tuple)) else (string or "",)


@click.command()
def main() -> None:
    """Bring every catalogue up to date and say what is left to translate."""
    os.chdir(ROOT)
    template = extracted()
    for file in files():
        catalogue = read(file)
        catalogue.update(template, no_fuzzy_matching=True)
        file.write_bytes(written(catalogue))
        left = untranslated(catalogue)
        click.echo(f"{catalogue.locale}: {len(catalogue)} texts, {len(left)} to translate", err=True)
        for text in left:
            click.echo(f"  {text}", err=True)


if __name__ == "__main__":
    main()
