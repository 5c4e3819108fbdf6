"""The identifier as it is compared, so that one account has one spelling and one failure counter."""

from __future__ import annotations

import secrets
import unicodedata

MAX_LENGTH = 64


def comparable(typed: str) -> str | None:
    """Return ``typed`` as it is stored and counted, or ``None`` when it cannot be an identifier.

    Compatibility forms, case, blanks and invisible characters make no difference.
    """
    if len(typed) > 4 * MAX_LENGTH:
        return None
    folded = unicodedata.normalize("NFKC", typed).casefold()
    visible = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf"))
    # What is left may compose anew; a kept identifier must compare equal to itself.
    kept = unicodedata.normalize("NFKC", visible)
    return kept if 0 < len(kept) <= MAX_LENGTH else None


def new_id() -> str:
    """Return a new random identifier of a row or a subject: 128 bits, never reused."""
    return secrets.token_hex(16)
