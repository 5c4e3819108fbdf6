"""For whom: an assistant of several practitioners says it after signing in, before being let in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts.links import Place, SignedInBy
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.journey import Journey
from idp.login.position import Position
from idp.pages import Pages, Problem
from idp.storage.database import Database


@dataclass(frozen=True)
class ChoiceStep:
    """Offers the practice signed in at, and those whose practitioners accept a sign-in there."""

    database: Database
    clock: Clock
    journey: Journey
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page; the practice signed in at stands first and is chosen already."""
        del request
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler*, or the choice."""
        party = position.party
        if "cancel" in request.form or party is None or party.actor is None:
            return self.journey.cancel(position)
        wanted = request.form.get("delegation", "")
        chosen = next((one for one in self._offered(position) if one.delegation_id == wanted), None)
        if chosen is None:
            return self._page(position, Problem("delegation", str(_("Choisissez un praticien de la liste."))))
        by = None
        if chosen.delegation_id != party.actor.delegation_id:
            by = SignedInBy(party.account.id, party.actor.delegation_id, position.transaction.password_mark)
            now = self.clock.now()
            detail = {"from": party.actor.delegation_id, "to": chosen.delegation_id}
            with self.database.write() as connection:
                for account_id in (party.account.id, chosen.account_id):
                    record(
                        connection,
                        Event.ACTOR_CHOSEN,
                        now,
                        account_id=account_id,
                        actor_id=party.actor.sub,
                        detail=detail,
                    )
        return self.journey.prove(
            request,
            position,
            chosen.account_id,
            chosen.delegation_id,
            position.proofs,
            to_choose=False,
            by=by,
        )

    def _offered(self, position: Position) -> list[Place]:
        party = position.party
        if party is None or party.actor is None:
            return []
        here = Place(party.actor.delegation_id, party.account.id, party.account.name)
        return [here, *self.journey.others(here.delegation_id)]

    def _page(self, position: Position, *problems: Problem) -> Response:
        transaction = position.transaction
        return self.pages.render(
            "choice.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            name=position.party.actor.name if position.party and position.party.actor else "",
            places=[(one.delegation_id, one.practitioner) for one in self._offered(position)],
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )
