"""Whom a token is about, and the claims that say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idp.accounts.party import Party
from idp.rules.assurance import Proof, acr_of, amr_of, auth_time_of
from idp.rules.delegation import Actor, first_day, last_day


@dataclass(frozen=True)
class Principal:
    """Whom a token is about: the account's holder, what was proved, and who acts."""

    party: Party
    proofs: tuple[Proof, ...]
    sid: str

    def claims(self, subject: Callable[[str], str]) -> dict[str, Any]:
        """Return the claims of every token about this principal; ``subject`` is how its reader knows people."""
        return {
            "sub": subject(self.party.account.sub),
            "acr": acr_of(self.proofs),
            "amr": amr_of(self.proofs),
            "auth_time": auth_time_of(self.proofs),
            "sid": self.sid,
            **actor_claims(self.party.actor, subject),
        }


def actor_claims(actor: Actor | None, subject: Callable[[str], str]) -> dict[str, Any]:
    """Return ``act`` (RFC 8693 §4.1) and ``delegation`` with its days of Europe/Monaco, or nothing without an actor."""
    if actor is None:
        return {}
    last = last_day(actor.window)
    return {
        "act": {"sub": subject(actor.sub), "name": actor.name},
        "delegation": {
            "id": actor.delegation_id,
            "valid_from": first_day(actor.window).isoformat(),
            "valid_until": last.isoformat() if last else None,
        },
    }
