"""The languages of pages and notices. French is written in the code; the others come from their ``.po`` files."""

from __future__ import annotations

from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

SOURCE_LANGUAGE: Final = "fr"


class Catalogues:
    """Every language of a folder ``i18n/<language>/LC_MESSAGES/messages.po``, read once; nothing is compiled before."""

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*/LC_MESSAGES/messages.po"))
        self._catalogues = {file.parent.parent.name: _read(file) for file in files}

    @property
    def languages(self) -> list[str]:
        """The languages that people can choose, French first."""
        return [SOURCE_LANGUAGE, *sorted(self._catalogues)]

    def translations(self, language: str) -> NullTranslations:
        """Return the translations of a language; the identity for French and for one that is not here."""
        return self._catalogues.get(language) or NullTranslations()


def _read(file: Path) -> NullTranslations:
    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
