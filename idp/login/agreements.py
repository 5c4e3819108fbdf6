"""What the person at a service's door agreed that it is told: looked up, given, refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.accounts import consents
from idp.accounts.party import Party
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Destination, Disclosure
from idp.rules.next_step import Demand
from idp.storage.database import Database


@dataclass(frozen=True)
class Agreements:
    """Asked only where the demand wants consent: no other sign-in costs a statement more."""

    database: Database
    clock: Clock

    def cover(
        self,
        destination: Destination,
        asked: Mapping[str, Any],
        demand: Demand,
        present: Party | None,
        agreed: str | None,
    ) -> bool:
        """Say whether who is there agreed: in this sign-in (``agreed``: a ``Party.key``) or, if it counts, before."""
        if demand.consent == "implicit" or present is None:
            return False
        if agreed == present.key:
            return True
        told = destination.disclosure(asked)
        if demand.consent == "anew" or told is None:
            return False
        with self.database.read() as connection:
            return consents.cover(connection, present, told.client_id, told.by(present).words)

    def give(self, who: Party, told: Disclosure) -> None:
        """Store the consent with the line that says so."""
        with self.database.write() as connection:
            now = self.clock.now()
            consents.give(connection, who, told.client_id, told.words, now)
            record(connection, Event.CONSENT_GIVEN, now, **_line(who, told))

    def refuse(self, who: Party, told: Disclosure) -> None:
        """Write down that it was refused; what was agreed to before stays."""
        with self.database.write() as connection:
            record(connection, Event.CONSENT_REFUSED, self.clock.now(), **_line(who, told))


def _line(who: Party, told: Disclosure) -> dict[str, Any]:
    return {
        "account_id": who.account.id,
        "actor_id": who.actor.sub if who.actor else None,
        "client_id": told.client_id,
        "detail": {"scope": " ".join(sorted(told.words))},
    }
