"""What a notice says: the templates of ``templates/mail`` in the person's language, without any web request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from babel.dates import format_time
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    select_autoescape,
)

from idp.languages import AS_WRITTEN_IN, SOURCE_LANGUAGE, Catalogues, written_day
from idp.notices.kinds import Notice
from idp.resources import templates_folder
from idp.rules.assurance import FUND_ZONE
from idp.settings import Settings
from idp.settings_groups import Institution, Support


@dataclass(frozen=True)
class Said:
    """A notice in words. ``text`` and ``html`` say the same."""

    language: str
    subject: str
    text: str
    html: str


class Texts:
    """Renders notices. Of several folders the first that has a template wins; all of them build on the last one's."""

    def __init__(
        self, folders: Sequence[Path], catalogues: Catalogues, institution: Institution, support: Support
    ) -> None:
        own = PrefixLoader({"base": FileSystemLoader(folders[-1])})
        self._environments = {
            language: _environment(ChoiceLoader([FileSystemLoader(folders), own]), catalogues, language)
            for language in catalogues.languages
        }
        self._given = {"institution": institution, "support": support}

    def render(self, kind: Notice, language: str, values: Mapping[str, str], happened_at: datetime) -> Said:
        """Return the notice in ``language``, in French where there is no such catalogue.

        The first line of the text template is the subject. Raises what Jinja raises for a template that is wrong, or
        that needs a value which is not given.
        """
        language = language if language in self._environments else SOURCE_LANGUAGE
        environment = self._environments[language]
        local = happened_at.astimezone(FUND_ZONE)
        context = {
            **self._given,
            **{name: _one_line(value) for name, value in values.items()},
            "on": written_day(local.date(), language),
            "at": format_time(local, "short", locale=AS_WRITTEN_IN.get(language, language)),
            "language": language,
        }
        text = environment.get_template(f"mail/{kind}.txt").render(context)
        first, _, rest = text.partition("\n")
        subject = _one_line(first)
        html = environment.get_template(f"mail/{kind}.html").render(context, subject=subject)
        return Said(language, subject, rest.strip() + "\n", html)


def texts_of(settings: Settings) -> Texts:
    """Return the renderer of the shipped templates, with the theme's before them."""
    shipped = templates_folder()
    folders = [shipped] if settings.theme_folder is None else [settings.theme_folder, shipped]
    return Texts(folders, Catalogues(shipped / "i18n"), settings.institution, settings.support)


def _environment(loader: ChoiceLoader, catalogues: Catalogues, language: str) -> Environment:
    environment = Environment(
        loader=loader,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = catalogues.translations(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["day"] = partial(_iso_day, language=language)
    return environment


def _iso_day(value: str, language: str) -> str:
    return written_day(date.fromisoformat(value), language)


def _one_line(value: str) -> str:
    """Leave no line break: it would begin a header, or a paragraph in our name."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())
