"""The audit's line about somebody whom a rule refuses: one for each session and rule, however often they try."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from idp.audit.events import Event, record
from idp.clock import Clock
from idp.gateway.guard import Verdict
from idp.gateway.question import Question
from idp.rules.gate import Way
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore
from idp.storage.errors import StorageUnavailable

_REFUSED = frozenset({Way.PROFILE_REFUSED, Way.ASSISTANT_REFUSED})


@dataclass(frozen=True)
class Refusals:
    """Writes them."""

    database: Database
    store: EphemeralStore
    clock: Clock

    def note(self, question: Question, verdict: Verdict) -> None:
        """Write the line, unless this session has one for the rule already or nobody is known."""
        if verdict.way not in _REFUSED or verdict.known is None or verdict.client is None:
            return
        rules = verdict.client.path_rules[question.origin].by_prefix
        prefix = next(prefix for prefix, rule in rules.items() if rule is verdict.rule)
        grant, party = verdict.known.grant, verdict.known.party
        key = f"gateway-refused:{sha256(f'{grant.id} {question.origin}{prefix}'.encode()).hexdigest()}"
        if not self.store.add(key, b"", grant.expires_at):
            return
        try:
            with self.database.write() as connection:
                record(
                    connection,
                    Event.GATEWAY_REFUSED,
                    self.clock.now(),
                    account_id=party.account.id,
                    actor_id=party.actor.sub if party.actor else None,
                    client_id=verdict.client.client_id,
                    detail={"why": str(verdict.way), "host": question.host, "rule": prefix},
                )
        except StorageUnavailable:
            self.store.delete(key)
            raise
