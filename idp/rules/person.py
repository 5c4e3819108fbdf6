"""Which person a code names. Factors return the set of authenticators that match; only this rule names somebody."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """One authenticator that the code fits, with the 30-second step (RFC 6238 §4.2) in which it does."""

    authenticator_id: str
    step: int


@dataclass(frozen=True)
class Nobody:
    """No authenticator fits: a wrong code."""


@dataclass(frozen=True)
class OnePerson:
    """Exactly one authenticator fits; its step must still be spent before anybody enters."""

    match: Match


@dataclass(frozen=True)
class AskAgain:
    """Several authenticators fit: nobody enters and every step is spent; the next code will tell."""

    matches: frozenset[Match]


def named_by(matches: AbstractSet[Match]) -> Nobody | OnePerson | AskAgain:
    """Return whom a set of matching authenticators names: nobody, one person, or nobody yet."""
    if not matches:
        return Nobody()
    if len({match.authenticator_id for match in matches}) == 1:
        return OnePerson(max(matches, key=lambda match: match.step))
    return AskAgain(frozenset(matches))
