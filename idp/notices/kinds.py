"""What people are told. Each kind has a text and an HTML template in ``templates/mail``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Notice(StrEnum):
    """The kinds of notice. When it happened is known to each; what else its text needs stands in ``NEEDED``."""

    PHONE_ADDED = "phone_added"
    """``who`` (name): a phone was activated or replaced."""
    PHONE_RESET = "phone_reset"
    """Support removed the holder's phone."""
    ASSISTANT_ADDED = "assistant_added"
    """``who``; ``first`` and ``last`` day, ISO 8601, ``last`` empty for an open end."""
    ASSISTANT_ENDING = "assistant_ending"
    """``who``; the ``last`` day, ISO 8601."""
    ASSISTANT_CHANGED = "assistant_changed"
    """``who``; the ``last`` day that a service gave, ISO 8601, empty for an open end; ``service``, its name."""
    ASSISTANT_END_SET = "assistant_end_set"
    """``who``; the ``last`` day that support gave, ISO 8601, empty: it is over at once."""
    ASSISTANT_REMOVED = "assistant_removed"
    """``who``."""
    ASSISTANT_REMOVED_BY_SUPPORT = "assistant_removed_by_support"
    """``who``."""
    RECOVERY_USED = "recovery_used"
    """``left``: how many recovery codes are left."""
    RECOVERY_RENEWED = "recovery_renewed"
    """The holder made fresh recovery codes; the old ones are worth nothing."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    NEW_DEVICE = "new_device"
    """``who``; ``device`` in words, empty when the browser does not tell."""
    DATE_APPROACHING = "date_approaching"
    """``date``, ISO 8601: the first day of obligation; ``days``: how many are left."""
    PASSWORD_LINK = "password_link"  # noqa: S105
    """``link``, ``minutes`` that it works: the only secret that a notice ever carries."""
    IDENTIFIER = "identifier"
    """``identifier``."""


NEEDED: Final[Mapping[Notice, frozenset[str]]] = {
    Notice.PHONE_ADDED: frozenset({"who"}),
    Notice.PHONE_RESET: frozenset(),
    Notice.ASSISTANT_ADDED: frozenset({"who", "first", "last"}),
    Notice.ASSISTANT_ENDING: frozenset({"who", "last"}),
    Notice.ASSISTANT_CHANGED: frozenset({"who", "last", "service"}),
    Notice.ASSISTANT_END_SET: frozenset({"who", "last"}),
    Notice.ASSISTANT_REMOVED: frozenset({"who"}),
    Notice.ASSISTANT_REMOVED_BY_SUPPORT: frozenset({"who"}),
    Notice.RECOVERY_USED: frozenset({"left"}),
    Notice.RECOVERY_RENEWED: frozenset(),
    Notice.PASSWORD_CHANGED: frozenset(),
    Notice.NEW_DEVICE: frozenset({"who", "device"}),
    Notice.DATE_APPROACHING: frozenset({"date", "days"}),
    Notice.PASSWORD_LINK: frozenset({"link", "minutes"}),
    Notice.IDENTIFIER: frozenset({"identifier"}),
}
"""The values that each kind needs."""

AWAITED: Final = frozenset({Notice.PASSWORD_LINK, Notice.IDENTIFIER})
"""Somebody sits before the screen and waits for these: they overtake all others."""

KEPT_TRYING: Final = timedelta(days=3)
"""How long a notice that is not taken is tried again. One that waited longer, unsent, is still tried once."""


def dies_at(kind: Notice, created_at: datetime, values: Mapping[str, str]) -> datetime | None:
    """Return when a notice must not be sent any more: a link with its minutes, nothing else at all."""
    return created_at + timedelta(minutes=int(values["minutes"])) if kind is Notice.PASSWORD_LINK else None
