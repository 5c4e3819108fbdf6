"""Sentences and dates that several pages share."""

from __future__ import annotations

import math
from datetime import date, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext


def format_day(day: date) -> str:
    """Return a day as the slides write it, *01/03/2026*."""
    return day.strftime("%d/%m/%Y")


def whole_seconds(wait: timedelta) -> int:
    """Return the seconds to wait, rounded up: whoever waits so long is never too early."""
    return math.ceil(wait.total_seconds())


def try_again_in(wait: timedelta) -> str:
    """Return the sentence for an attempt that came too soon."""
    seconds = whole_seconds(wait)
    if seconds < 90:
        when = ngettext("%(num)d seconde", "%(num)d secondes", seconds)
    else:
        minutes = -(-seconds // 60)
        when = ngettext("%(num)d minute", "%(num)d minutes", minutes)
    return str(_("Trop d'essais à la suite. Attendez %(when)s, puis recommencez.", when=when))


def wrong_code() -> str:
    """Return the one message for a code that signs nobody in, whatever the reason."""
    return str(_("Code incorrect ou expiré. Attendez le code suivant et saisissez-le."))


def no_code() -> str:
    """Return the message for something that cannot be a code."""
    return str(_("Saisissez les six chiffres affichés par votre application."))
