"""What somebody agreed that services are told, and withdrawing it (GDPR art. 7(3))."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from flask import Blueprint, Request, Response, flash, get_flashed_messages, request, url_for
from flask_babel import gettext as _

from idp.accounts import consents
from idp.accounts.consents import Consent
from idp.audit.events import Event, record
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.login.admissions import CONSENTS
from idp.login.cookies import fingerprint
from idp.login.destination import Disclosure, Visitor, see_other
from idp.login.steps.consent import in_words
from idp.login.wording import format_moment
from idp.pages import Pages, Problem
from idp.profile.guard import Guard
from idp.storage.database import Database


@dataclass(frozen=True)
class ConsentsPage:
    """Each person's own, at the account where they are signed in: the holder's, or the assistant's who acts."""

    database: Database
    clock: Clock
    clients: ClientRegistry
    pages: Pages

    def show(self, visitor: Visitor, *problems: Problem) -> Response:
        """Return the page."""
        with self.database.read() as connection:
            given = consents.of_person(connection, visitor.party)
        by_assistant = visitor.party.actor is not None
        return self.pages.render(
            "consents.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code="invalid_form",
            given=[self._row(visitor, one) for one in given],
            shown_to=_shown_to(visitor),
            notice=" ".join(map(str, get_flashed_messages())) or None,
            back_url=url_for("home.home" if by_assistant else "profile.show"),
            back_label=_("Retour à l'accueil") if by_assistant else _("Retour au profil"),
            switch_url=url_for("home.switch"),
            signed_in={"name": visitor.name, "acting_for": visitor.acting_for},
        )

    def withdraw(self, request: Request, visitor: Visitor) -> Response:
        """Withdraw what was agreed to for the service ``client_id``; what is withdrawn already stays so.

        It is of whom the page was shown to: anybody else who is signed in by now sees their own.
        """
        shown_to = request.form.get("shown_to", "")
        if not hmac.compare_digest(shown_to.encode(), _shown_to(visitor).encode()):
            other = _(
                "Rien n'a été retiré : une autre identification a eu lieu depuis l'ouverture de cette page. "
                "Vos propres accords sont affichés."
            )
            return self.show(visitor, Problem(None, other))
        client_id, who, now = request.form.get("client_id", ""), visitor.party, self.clock.now()
        with self.database.write() as connection:
            words = consents.withdraw(connection, who, client_id, now)
            if words is not None:
                record(
                    connection,
                    Event.CONSENT_WITHDRAWN,
                    now,
                    account_id=who.account.id,
                    actor_id=who.actor.sub if who.actor else None,
                    client_id=client_id,
                    detail={"scope": " ".join(sorted(words))},
                )
        if words is not None:
            flash(_("Votre accord est retiré : %(service)s", service=self._name(client_id)))
        return see_other(url_for("consents.show"))

    def _row(self, visitor: Visitor, one: Consent) -> dict[str, object]:
        party = visitor.party
        told = Disclosure.of_words(one.client_id, one.words, self._name_of_api)
        return {
            "client_id": one.client_id,
            "name": self._name(one.client_id),
            "when": format_moment(one.given_at, self.clock.now()),
            "told": in_words(told.by(party), party.actor.name if party.actor else None),
            "asks_again": self._asks_again(one.client_id),
        }

    def _asks_again(self, client_id: str) -> bool:
        """Say whether the service is told nothing before it is agreed to anew: its file says so, or it is no more."""
        client = self.clients.get(client_id)
        return client is None or client.consent == "required"

    def _name(self, client_id: str) -> str:
        """Return the service's name; of one that is no more, its identifier."""
        client = self.clients.get(client_id)
        return client_id if client is None else _(client.name)

    def _name_of_api(self, identifier: str) -> str:
        client = self.clients.serving(identifier)
        return identifier if client is None else client.name


def _shown_to(visitor: Visitor) -> str:
    return fingerprint(f"{visitor.session.sid}:{visitor.party.key}")


def consents_blueprint(guard: Guard, page: ConsentsPage) -> Blueprint:
    """Return the address ``/profile/consents``, of everybody who is signed in."""
    blueprint = Blueprint("consents", __name__, url_prefix="/profile/consents")

    @blueprint.get("")
    def show() -> Response:
        return guard.oneself(request, CONSENTS, page.show)

    @blueprint.post("")
    def withdraw() -> Response:
        return guard.oneself(request, CONSENTS, lambda visitor: page.withdraw(request, visitor))

    return blueprint
