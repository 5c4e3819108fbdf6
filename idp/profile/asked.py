"""Enrolments that services ask for: a one-time address leads to the ordinary page *Ajouter*, filled, and back again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import Blueprint, Request, Response, request, url_for
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.configuration.addresses import origin_of, web_address
from idp.login.cookies import fingerprint, new_token
from idp.login.destination import Visitor, see_other
from idp.login.enrolment import session_place
from idp.login.kept import Kept
from idp.login.session import SignOnSession
from idp.login.surroundings import Surroundings
from idp.pages import Pages
from idp.profile.assistant_add import AddAssistant, Wish
from idp.profile.guard import Guard

LIFETIME: Final = timedelta(minutes=10)
"""Of the one-time address, and of the page that it led to."""


class AskedEnrolment(BaseModel):
    """What a service asked for, and for which account."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    client_id: str
    return_uri: str
    name: str | None
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True)
class AskedEnrolments:
    """Keeps each under its one-time ticket until it is opened, then for the session that opened it alone."""

    kept: Kept
    clients: ClientRegistry

    def ask(self, asked: AskedEnrolment) -> str:
        """Return the ticket: 256 random bits, kept under their SHA-256."""
        ticket = new_token()
        self.kept.put(_ticket_place(ticket), asked.model_dump_json())
        return ticket

    def find(self, ticket: str) -> AskedEnrolment | None:
        """Return what the ticket is for, while it is unused and its service may still lead there."""
        asked = _read(self.kept.get(_ticket_place(ticket)))
        client = self.clients.get(asked.client_id) if asked else None
        return asked if asked and client and may_return(client, asked.return_uri) else None

    def open(self, ticket: str, session: SignOnSession) -> str | None:
        """Use the ticket up and return the handle of the page in this session; ``None``: somebody else did before."""
        asked = self.kept.take(_ticket_place(ticket))
        if asked is None:
            return None
        handle = secrets.token_urlsafe(12)
        self.kept.put(_page_place(session, handle), asked)
        return handle

    def at(self, session: SignOnSession, handle: str) -> AskedEnrolment | None:
        """Return what the page in this session is for."""
        return _read(self.kept.get(_page_place(session, handle)))

    def done(self, session: SignOnSession, handle: str) -> None:
        """Close the page."""
        self.kept.take(_page_place(session, handle))


@dataclass(frozen=True)
class AskedPages:
    """The one-time address and the page behind it. Whoever reaches either was let through by the guard."""

    enrolments: AskedEnrolments
    add: AddAssistant
    pages: Pages

    def open(self, visitor: Visitor, ticket: str) -> Response:
        """Open the address for the account that it was asked for, once; for anybody else it stays unused."""
        asked = self.enrolments.find(ticket)
        if asked is None:
            return self._gone()
        if asked.account_id != visitor.party.account.id:
            return self.pages.render(
                "error.html",
                status=403,
                code="other_account",
                title=_("Un autre compte est connecté"),
                text=_(
                    "Cet ajout a été demandé pour un autre praticien. Changez d'utilisateur, puis recommencez."
                ),
                action_url=url_for("profile.show"),
                action_label=_("Retour au profil"),
                switch_url=url_for("home.switch"),
            )
        handle = self.enrolments.open(ticket, visitor.session)
        return see_other(url_for("profile.asked", handle=handle)) if handle else self._gone()

    def show(self, visitor: Visitor, handle: str) -> Response:
        """Return the page *Ajouter* as the service wants it filled."""
        asked = self.enrolments.at(visitor.session, handle)
        return self.add.show(visitor, self._wish(asked)) if asked else self._gone()

    def post(self, request: Request, visitor: Visitor, handle: str) -> Response:
        """Add the assistant, or not, and go back to the service."""
        asked = self.enrolments.at(visitor.session, handle)
        if asked is None:
            return self._gone()
        response = self.add.post(request, visitor, self._wish(asked))
        if response.status_code == 303:
            self.enrolments.done(visitor.session, handle)
        return response

    def _wish(self, asked: AskedEnrolment) -> Wish:
        client = self.enrolments.clients.get(asked.client_id)
        filled = {"name": asked.name, "valid_from": asked.valid_from, "valid_until": asked.valid_until}
        return Wish(
            asked.client_id,
            client.name if client else asked.client_id,
            asked.return_uri,
            {field: str(value) for field, value in filled.items() if value is not None},
        )

    def _gone(self) -> Response:
        return self.pages.error(
            404,
            "enrolment_over",
            _("Cette adresse n'est plus valable"),
            _(
                "Elle a déjà servi, ou dix minutes ont passé. Retournez au service d'où vous venez et recommencez."
            ),
            action_url=url_for("profile.show"),
            action_label=_("Retour au profil"),
        )


def may_return(client: Client, address: str) -> bool:
    """Say whether a browser may be sent back to ``address``: on an origin of the client's redirect addresses."""
    try:
        return origin_of(web_address(address, client.application_type)) in client.redirect_origins
    except ValueError:
        return False


def asked_enrolments_of(around: Surroundings) -> AskedEnrolments:
    """Return those of these surroundings."""
    return AskedEnrolments(Kept(around.ephemeral, around.clock, around.keyring, LIFETIME), around.clients)


def asked_addresses(blueprint: Blueprint, guard: Guard, pages: AskedPages) -> None:
    """Add the one-time address and the page behind it to the profile's."""

    @blueprint.get("/enrolments/<ticket>")
    def open_asked(ticket: str) -> Response:
        return guard.manage(request, lambda visitor: pages.open(visitor, ticket))

    @blueprint.route("/assistants/new/<handle>", methods=["GET", "POST"])
    def asked(handle: str) -> Response:
        if request.method == "POST":
            return guard.manage(request, lambda visitor: pages.post(request, visitor, handle))
        return guard.manage(request, lambda visitor: pages.show(visitor, handle))


def _ticket_place(ticket: str) -> str:
    return f"enrolment:{fingerprint(ticket)}"


def _page_place(session: SignOnSession, handle: str) -> str:
    return session_place(session, f"asked:{fingerprint(handle)[:32]}")


def _read(text: str | None) -> AskedEnrolment | None:
    return AskedEnrolment.model_validate_json(text) if text is not None else None
