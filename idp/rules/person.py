"""Which person a code names. Factors return the set of authenticators that match; only this rule names somebody."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """One authenticator that the code fits, with the 30-second step (RFC 6238 §4.2) in which it does."""

    authenticator_id: str
    step: int


@dataclass(frozen=True)
class Holder:
    """Whose an authenticator is."""

    delegation_id: str | None
    """``None``: the account's holder."""
    own_password: bool = False
    """The assistant has chosen a password of their own."""


@dataclass(frozen=True)
class Nobody:
    """No authenticator fits, or it is not of who knows the password: a wrong code."""


@dataclass(frozen=True)
class OnePerson:
    """Exactly one authenticator fits; its step must still be spent before anybody enters."""

    match: Match


@dataclass(frozen=True)
class AskAgain:
    """Several authenticators fit: nobody enters and every step is spent; the next code will tell."""

    matches: frozenset[Match]


def named_by(
    matches: AbstractSet[Match],
    holders: Mapping[str, Holder],
    knower: str | None,
    *,
    own_passwords: bool,
) -> Nobody | OnePerson | AskAgain:
    """Return whom a set of matching authenticators names: nobody, one person, or nobody yet.

    ``holders`` says whose each authenticator is. With ``own_passwords`` (the setting ``assistants_sign_in``) password
    and code must be the same person's: ``knower`` is the delegation whose own password was shown, ``None`` the
    practice's, which is the holder's and theirs who have none of their own yet. Several matches are nobody whatever
    the password: it never settles whose phone it was. Raises ``KeyError`` for an authenticator of nobody.
    """
    if not matches:
        return Nobody()
    if len({match.authenticator_id for match in matches}) > 1:
        return AskAgain(frozenset(matches))
    match = max(matches, key=lambda match: match.step)
    if own_passwords and not _knows(holders[match.authenticator_id], knower):
        return Nobody()
    return OnePerson(match)


def _knows(holder: Holder, knower: str | None) -> bool:
    return not holder.own_password if knower is None else holder.delegation_id == knower
