"""Whom a token is about, and the claims that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp.accounts.party import Party
from idp.clients.model import Client
from idp.oidc.subjects import Subjects
from idp.rules.assurance import Proof, acr_of, amr_of, auth_time_of
from idp.rules.delegation import Actor, first_day, last_day


@dataclass(frozen=True)
class Principal:
    """Whom a token is about: the account's holder, what was proved, and who acts."""

    party: Party
    proofs: tuple[Proof, ...]
    sid: str
    services: tuple[str, ...] = ()
    """The services that act, the present one first: each exchanged with a token of its own (RFC 8693 §4.1)."""

    def claims(self, subjects: Subjects, reader: Client) -> dict[str, Any]:
        """Return the claims of every token about this principal, by the names that its ``reader`` knows."""
        subject = subjects.as_known_to(reader)
        told = actor_claims(self.party.actor, subject)
        for service in reversed(self.services):
            told["act"] = {"sub": service, **({"act": told["act"]} if "act" in told else {})}
        return {
            "sub": subject(self.party.account.sub),
            "acr": acr_of(self.proofs),
            "amr": amr_of(self.proofs),
            "auth_time": auth_time_of(self.proofs),
            "sid": subjects.sid_of(reader, self.sid),
            **told,
        }


def acting_services(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the services that act by a token of ours, the present one first; a person who acts is the innermost."""
    chain, act = [], claims.get("act")
    while act is not None:
        chain.append(act["sub"])
        act = act.get("act")
    return tuple(chain[:-1] if "delegation" in claims else chain)


def actor_claims(actor: Actor | None, subject: Callable[[str], str]) -> dict[str, Any]:
    """Return ``act`` (RFC 8693 §4.1) and ``delegation`` with its days of Europe/Monaco, or nothing without an actor."""
    if actor is None:
        return {}
    last = last_day(actor.window)
    return {
        "act": {"sub": subject(actor.sub), "name": actor.name},
        "delegation": {
            "id": subject(actor.delegation_id),
            "valid_from": first_day(actor.window).isoformat(),
            "valid_until": last.isoformat() if last else None,
        },
    }
