"""*Continuer en tant que …*: where a service asks to choose, whoever is signed in goes on without showing all again."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from flask import Request, Response

from idp.login.destination import Visitor
from idp.login.journey import Journey
from idp.login.position import Position
from idp.rules.next_step import offers_to_continue


@dataclass(frozen=True)
class Selection:
    """Stands on the page that asks who it is. The rule says where it is offered."""

    journey: Journey

    def shown(self, position: Position) -> dict[str, str | None] | None:
        """Return whom the page offers to go on as, and what its button says; ``None``: nobody."""
        visitor = self._offered(position)
        if visitor is None:
            return None
        value = position.shown_to(visitor.party)
        return {"name": visitor.name, "acting_for": visitor.acting_for, "value": value}

    def take(self, request: Request, position: Position, answer: str) -> Response | None:
        """Go on as who the button named; ``None`` where that is not who is signed in by now, or not offered."""
        visitor = self._offered(position)
        if visitor is None:
            return None
        if not hmac.compare_digest(answer.encode(), position.shown_to(visitor.party).encode()):
            return None
        before = position.transaction
        # By what the session proved alone: nothing that somebody else proved in this sign-in goes on with them.
        after = before.forgetting_proofs().model_copy(update={"selected": visitor.party.key})
        self.journey.transactions.save(before, after)
        return self.journey.proceed(request, before.id)

    def _offered(self, position: Position) -> Visitor | None:
        visitor, journey = position.visitor, self.journey
        if visitor is None:
            return None
        offers = offers_to_continue(
            position.demand,
            visitor.party.standing(visitor.session.proofs, earlier=True),
            journey.profile_policies,
            journey.clock.now(),
            own_passwords=journey.own_passwords,
        )
        return visitor if offers else None
