"""The languages of pages and notices. French is written in the code; the others come from their ``.po`` files."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_date, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE_LANGUAGE: Final = "fr"
AS_WRITTEN_IN: Final = {"en": "en_GB"}
"""Where a language differs by country, the one whose dates are those of Monaco: days before months."""


def written_day(value: date, language: str) -> str:
    """Return a day, *01/03/2026* as on the slides; in other languages in words, *1 March 2026*."""
    # French in figures: in words it would be "1 mars" for "1er mars".
    form = "dd/MM/yyyy" if language == SOURCE_LANGUAGE else "long"
    return format_date(value, form, locale=AS_WRITTEN_IN.get(language, language))


def written_moment(value: datetime, language: str, *, year: bool) -> str:
    """Return a local moment, *13/01 09:12*; in other languages *13 Jan 09:12*. ``year`` says whether it is named."""
    if language == SOURCE_LANGUAGE:
        return value.strftime("%d/%m/%Y %H:%M" if year else "%d/%m %H:%M")
    # Without a zone: it is the fund's already, and Babel would make it UTC.
    there, locale = value.replace(tzinfo=None), AS_WRITTEN_IN.get(language, language)
    return f"{format_skeleton('yMMMd' if year else 'MMMd', there, locale=locale)} {there:%H:%M}"


class Catalogues:
    """Every language of a folder ``i18n/<language>/LC_MESSAGES/messages.po``; nothing is compiled beforehand."""

    def __init__(self, folder: Path) -> None:
        """List the languages; each file is read when its language is first spoken, which takes tenths of a second."""
        files = folder.glob("*/LC_MESSAGES/messages.po")
        self._files = {file.parent.parent.name: file for file in files}
        self._read: dict[str, NullTranslations] = {}

    @property
    def languages(self) -> list[str]:
        """The languages that people can choose, French first."""
        return [SOURCE_LANGUAGE, *sorted(self._files)]

    def translations(self, language: str) -> NullTranslations:
        """Return the translations of a language; French itself for one that is not here."""
        if language not in self._read:
            file = self._files.get(language)
            self._read[language] = _read(file) if file else _French()
        return self._read[language]


class _French(NullTranslations):
    """The texts as they stand in the code, with the French rule that nought is singular."""

    def ngettext(self, msgid1: str, msgid2: str, n: float) -> str:
        return msgid1 if abs(n) < 2 else msgid2

    ungettext = ngettext


def _read(file: Path) -> NullTranslations:
    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
