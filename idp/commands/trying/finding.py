"""What was found at one station of the walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["right", "advice", "unknown", "wrong"]
"""``unknown``: it could not be looked at, for want of an option or because something before is wrong."""


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what is so, and what to do about it."""

    about: str
    level: Level
    says: str
    todo: str = ""


def right(about: str, says: str) -> Finding:
    """Return what is as it should be."""
    return Finding(about, "right", says)


def wrong(about: str, says: str, todo: str) -> Finding:
    """Return what stops a sign-in, or makes it unsafe."""
    return Finding(about, "wrong", says, todo)


def advice(about: str, says: str, todo: str) -> Finding:
    """Return what works and could be better."""
    return Finding(about, "advice", says, todo)


def unknown(about: str, says: str, todo: str = "") -> Finding:
    """Return what was not looked at."""
    return Finding(about, "unknown", says, todo)
