"""Sentences and dates that several pages share."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from flask import Response
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from idp.languages import SOURCE_LANGUAGE, written_day, written_moment
from idp.rules.assurance import FUND_ZONE


def format_day(day: date) -> str:
    """Return a day as the slides write it, *01/03/2026*, or as the page's language does."""
    return written_day(day, _language())


def format_moment(moment: datetime, now: datetime) -> str:
    """Return a moment in the fund's zone, *13/01 09:12*; with its year unless that is the one of ``now``."""
    there = moment.astimezone(FUND_ZONE)
    this_year = there.year == now.astimezone(FUND_ZONE).year
    return written_moment(there, _language(), year=not this_year)


def _language() -> str:
    locale = get_locale()
    return str(locale.language) if locale else SOURCE_LANGUAGE


def days_left(days: int) -> str:
    """Return how far off a day is, *dans 47 jours*; empty when it is past."""
    if days < 0:
        return ""
    if days < 2:
        return str(_("demain") if days else _("aujourd'hui"))
    return str(ngettext("dans %(num)d jour", "dans %(num)d jours", days))


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


def throttled(page: Response, wait: timedelta) -> Response:
    """Return the page as the answer to an attempt that came too soon (RFC 6585 §4)."""
    page.status_code = 429
    page.headers["Retry-After"] = str(whole_seconds(wait))
    return page


def wrong_code() -> str:
    """Return the one message for a code that signs nobody in, whatever the reason."""
    return str(_("Code incorrect ou expiré. Attendez le code suivant et saisissez-le."))


def no_code() -> str:
    """Return the message for something that cannot be a code."""
    return str(_("Saisissez les six chiffres affichés par votre application."))
