"""The line in the account's journal when somebody is let in."""

from __future__ import annotations

from dataclasses import dataclass

from idp.accounts import journal
from idp.accounts.journal import Admission
from idp.clock import Clock
from idp.login.destination import Visitor
from idp.storage.database import Database

PROFILE = "Profil"
LINK_CODE = "Code de rattachement"
CONSENTS = "Accords donnés"


@dataclass(frozen=True)
class Admissions:
    """Written by each destination before it lets a visitor in: nobody is let in without the line."""

    database: Database
    clock: Clock

    def at_service(self, visitor: Visitor, client_id: str, name: str) -> None:
        """Write who comes in at a service and from which device.

        Only the first time of a session at a service leaves a line: one that renews in silence fills nothing.
        """
        self._note(visitor, client_id, name)

    def at_own_pages(self, visitor: Visitor, page: str = PROFILE) -> None:
        """Write who comes in at the provider's own pages, likewise; readers see the name of ``page`` translated."""
        self._note(visitor, "", page)

    def _note(self, visitor: Visitor, client_id: str, service: str) -> None:
        session, party = visitor.session, visitor.party
        admission = Admission(
            at=self.clock.now(),
            account_id=session.account_id,
            person_id=party.actor.sub if party.actor else party.account.sub,
            sid=session.sid,
            client_id=client_id,
            service=service,
            device=session.device,
        )
        with self.database.write() as connection:
            journal.admitted(connection, admission)
