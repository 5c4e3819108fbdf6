"""Where a sign-in stands for one request."""

from __future__ import annotations

from dataclasses import dataclass

from idp.accounts.party import Party
from idp.login.cookies import fingerprint
from idp.login.destination import Destination, Visitor
from idp.login.transaction import Transaction
from idp.rules.assurance import Proof
from idp.rules.next_step import Demand, Step


class NoTransaction(Exception):
    """The transaction is unknown, over, or another browser's."""


@dataclass(frozen=True)
class Position:
    """Where a transaction stands for this request."""

    transaction: Transaction
    destination: Destination
    demand: Demand
    step: Step
    party: Party | None
    proofs: tuple[Proof, ...]
    visitor: Visitor | None

    @property
    def may_recover(self) -> bool:
        """Whether the holder's password was shown in this very sign-in, and only a code is missing."""
        proved_here = self.transaction.account_id is not None
        return self.step is Step.CODE and proved_here and self.party is not None and self.party.actor is None

    def shown_to(self, party: Party) -> str:
        """Return what says in a form whom the page was shown to: another tab may have changed that meanwhile."""
        return fingerprint(f"{self.transaction.id}:{party.key}")

    @property
    def place(self) -> str:
        """Where what this person is shown is kept. Another person, or another proof, has another place: what was
        confirmed there lies where nobody comes any more, and whoever had no answer finds it again."""
        session = self.visitor.session.sid if self.visitor else ""
        return f"signin:{fingerprint(self.transaction.id)}:{self.transaction.holder or session}"
