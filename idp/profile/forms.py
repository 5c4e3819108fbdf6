"""What a practitioner enters about an assistant."""

from __future__ import annotations

import unicodedata
from datetime import date

from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import DateField, Form, StringField, ValidationError
from wtforms.validators import InputRequired, Length, Optional

from idp.pages import Problem
from idp.rules.delegation import Window, window_of_days

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
"""The days that are taken for no slip of the finger."""

MAX_NAME = 120
"""Characters of an assistant's name."""


def tidied(value: str | None) -> str:
    """Return a name as it is kept: composed characters, single blanks."""
    return " ".join(unicodedata.normalize("NFC", value or "").split())


def _plausible(form: Form, field: DateField) -> None:
    del form
    if field.data is not None and not EARLIEST <= field.data <= LATEST:
        raise ValidationError(_("Choisissez une date entre 2000 et 2100."))


class _DayField(DateField):
    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_("Indiquez une date, par exemple 03/12/2025.")) from error


class EndForm(Form):
    """The last day of an assistant, or none."""

    valid_until = _DayField(validators=[Optional(), _plausible])

    def window(self, first: date) -> Window:
        """Return the span of the entered days. Raises ``ValueError`` when the end lies before the start."""
        return window_of_days(first, self.valid_until.data)


class AssistantForm(EndForm):
    """A new assistant: name and days. The code is judged apart, by the factor."""

    name = StringField(
        filters=[tidied],
        validators=[
            InputRequired(_("Indiquez le nom et le prénom de l'assistant(e).")),
            Length(max=MAX_NAME, message=_("Le nom compte au plus 120 caractères.")),
        ],
    )
    valid_from = _DayField(validators=[InputRequired(_("Indiquez le début de validité.")), _plausible])

    link_code = StringField(validators=[Optional()])
    """The link code of somebody who is another practitioner's assistant; judged apart."""

    def validate_name(self, field: StringField) -> None:
        """Refuse a name of blanks or with characters that cannot be seen."""
        if not field.data or not field.data.isprintable():
            raise ValidationError(_("Indiquez le nom et le prénom de l'assistant(e)."))


def problems_of(form: Form) -> list[Problem]:
    """Return the first message of each field that is wrong, in the order of the fields."""
    return [Problem(field.name, str(field.errors[0])) for field in form if field.errors]


def end_before_start() -> Problem:
    """Return the problem of a window that ends before it begins."""
    return Problem("valid_until", str(_("La fin de validité précède le début.")))


def already_listed() -> Problem:
    """Return the problem of a link code whose person is in the list."""
    return Problem("link_code", str(_("Cette personne figure déjà dans votre liste.")))


def no_end() -> Problem:
    """Return the problem of a form without the field; left empty, it means an open end."""
    return Problem("valid_until", str(_("Indiquez la fin de validité, ou laissez le champ vide.")))


def entered(form: MultiDict[str, str]) -> dict[str, str]:
    """Return what was typed, to be shown again; never the phone's code.

    The link code is: it opens nothing by itself, and left out by mistake it would make somebody else of its person.
    """
    shown = ("name", "valid_from", "valid_until", "link_code")
    return {name: form.get(name, "")[:200] for name in shown}
