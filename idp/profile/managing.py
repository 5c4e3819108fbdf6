"""What the pages of assistants share: whose assistant it is, the line in the audit, the notice, the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import delegations
from idp.accounts.delegations import Delegation
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class Managing:
    """The practice of whoever manages; the guard let them through."""

    database: Database
    clock: Clock
    keyring: Keyring
    outbox: Outbox
    pages: Pages
    limit: int
    """Assistants of one account."""

    def one(self, visitor: Visitor, delegation_id: str) -> Delegation:
        """Return the account's own assistant; anybody else's does not exist here (404)."""
        with self.database.read() as connection:
            listed = delegations.of_account(connection, visitor.party.account.id)
        found = next((one for one in listed if one.id == delegation_id and one.removed_at is None), None)
        return found or abort(404)

    def note(
        self,
        connection: Connection,
        event: Event,
        visitor: Visitor,
        delegation_id: str,
        now: datetime,
        **detail: object,
    ) -> None:
        """Write the act's line in the audit, in the caller's transaction."""
        detail = {"delegation": delegation_id, **detail}
        record(connection, event, now, account_id=visitor.party.account.id, detail=detail)

    def tell(
        self, connection: Connection, kind: Notice, visitor: Visitor, now: datetime, **values: str
    ) -> None:
        """Queue a notice of the act for the practitioner, in the caller's transaction."""
        self.outbox.tell(connection, kind, visitor.party.account.id, now, **values)

    def full(self) -> Response:
        """Return the page for one assistant more than there is room for."""
        return self.pages.error(
            409,
            "too_many_assistants",
            _("Nombre maximal d'assistants atteint"),
            _("Supprimez un(e) assistant(e) pour en ajouter un(e) autre."),
            action_url=url_for("profile.show"),
            action_label=_("Retour au profil"),
        )


def back_to_profile() -> Response:
    """Return to the list."""
    return see_other(url_for("profile.show"))
