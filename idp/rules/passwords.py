"""Which password somebody may choose: by NIST SP 800-63B-4, or by the funds' rule of digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Kind = Literal["nist", "digits"]

MAXIMUM = 256
"""Characters once normalised; NIST SP 800-63B-4 §3.1.1.2 asks for at least 64."""

LONGEST_TYPED = 4 * MAXIMUM
"""Characters as typed, bounding what is normalised at all: NFKC composes at most four into one."""

_ROWS = ("azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST_WORD = 3


class Reason(Enum):
    """Why a password is refused; whoever chose it is told (NIST SP 800-63B-4 §3.1.1.2)."""

    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    NOT_DIGITS = "other than digits"
    THREE_IN_A_ROW = "one character three times in a row"
    PATTERN = "a repetition or a sequence"
    COMMON = "one of the most common passwords"
    PERSONAL = "made of what is known of the person"


@dataclass(frozen=True)
class Rule:
    """What a password must be. Lengths are characters of the normalised password."""

    kind: Kind
    minimum: int
    maximum: int


def rule_of(kind: Kind, *, two_factors: bool) -> Rule:
    """Return the rule; ``two_factors``: this password alone never signs in (NIST SP 800-63B-4 §3.1.1.1: 8, else 15)."""
    if kind == "digits":
        return Rule(kind, 7, 8)
    return Rule(kind, 8 if two_factors else 15, MAXIMUM)


def normalised(password: str) -> str:
    """Return the password as it is judged and hashed: NFKC (NIST SP 800-63B-4 §3.1.1.2), whatever keyboard typed it."""
    return unicodedata.normalize("NFKC", password)


def refused(
    password: str, rule: Rule, is_common: Callable[[str], bool], words: Collection[str]
) -> Reason | None:
    """Return why the password may not be chosen, or ``None``.

    ``is_common`` is asked with the case folded; ``words`` are what is known of the person and the place, case folded. A
    password of more than these, of repetitions and of sequences keeps at least half the shortest length besides.
    """
    if len(password) > LONGEST_TYPED:
        return Reason.TOO_LONG
    password = normalised(password)
    folded = password.casefold()
    needed = rule.minimum // 2
    checks = (
        (Reason.NOT_DIGITS, rule.kind == "digits" and not re.fullmatch("[0-9]*", password)),
        (Reason.TOO_SHORT, len(password) < rule.minimum),
        (Reason.TOO_LONG, len(password) > rule.maximum),
        (Reason.THREE_IN_A_ROW, rule.kind == "digits" and re.search(r"(.)\1\1", password) is not None),
    )
    broken = next((reason for reason, holds in checks if holds), None)
    if broken is not None:
        return broken
    if folded in (folded + folded)[1:-1] or _made_of(_ROWS, folded, needed):
        return Reason.PATTERN
    if is_common(folded):
        return Reason.COMMON
    return Reason.PERSONAL if _made_of((*_ROWS, *words), folded, needed) else None


def _made_of(words: Collection[str], folded: str, needed: int) -> bool:
    """Say whether fewer than ``needed`` characters are left without words and blanks; a run of three counts as one."""
    if any(folded in word for word in words):
        return True
    longest_first = sorted({word for word in words if len(word) >= _SHORTEST_WORD}, key=len, reverse=True)
    pieces = re.split("|".join(map(re.escape, longest_first)), folded)
    return sum(_without_runs("".join(piece.split())) for piece in pieces) < needed


def _without_runs(text: str) -> int:
    count = at = 0
    while at < len(text):
        run = max(_run(text, at, step) for step in (-1, 0, 1))
        at += run if run > 2 else 1
        count += 1
    return count


def _run(text: str, start: int, step: int) -> int:
    """Return how many characters from ``start`` on follow one another by ``step``; after 9 comes 0."""
    over = {1: "90", -1: "09"}.get(step)
    end = start + 1
    while end < len(text) and (
        ord(text[end]) - ord(text[end - 1]) == step or text[end - 1 : end + 1] == over
    ):
        end += 1
    return end - start
