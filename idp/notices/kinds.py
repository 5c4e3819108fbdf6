"""What people are told. Each kind has a text and an HTML template in ``templates/mail``."""

from __future__ import annotations

from enum import StrEnum


class Notice(StrEnum):
    """The kinds of notice; beside each, the values that its text needs."""

    PHONE_ADDED = "phone_added"
    """``who`` (name): a phone was activated or replaced."""
    PHONE_RESET = "phone_reset"
    """Support removed the holder's phone."""
    ASSISTANT_ADDED = "assistant_added"
    """``who``, ``first``, ``last`` (days as written; ``last`` may be empty)."""
    ASSISTANT_ENDING = "assistant_ending"
    """``who``, ``last``."""
    ASSISTANT_REMOVED = "assistant_removed"
    """``who``."""
    RECOVERY_USED = "recovery_used"
    """``left``: how many recovery codes are left."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    NEW_DEVICE = "new_device"
    """``who``, ``device``, ``when``."""
    DATE_APPROACHING = "date_approaching"
    """``date``, ``days``: the first day of obligation, and how many days are left."""
    PASSWORD_LINK = "password_link"  # noqa: S105
    """``link``, ``minutes``: the only secret that a notice ever carries."""
    IDENTIFIER = "identifier"
    """``identifier``."""
