"""What people forgot: noted by a page in one way whatever exists here, looked up and answered by the worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, delete, insert, select

from idp.accounts import directory, reset_links
from idp.accounts.identifier import new_id
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.storage.database import Database
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring
from idp.storage.schema import account, recovery_request

Forgotten = Literal["password", "identifier"]

PIECE: Final = 100
"""Requests that one run answers."""

LINK_LIFETIME: Final = timedelta(minutes=15)
_LINKS_AT_ONCE = 3
_ACCOUNTS_OF_AN_ADDRESS = 10
_STALE = timedelta(hours=1)
"""After which nobody waits for the answer any more."""


class RecoveryRequests:
    """Whoever asks learns nothing: the page writes one row, and everything that depends on an account happens later."""

    def __init__(
        self, database: Database, clock: Clock, keyring: Keyring, outbox: Outbox, issuer: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._outbox = outbox
        self._issuer = issuer

    def note(self, connection: Connection, forgotten: Forgotten, typed: str) -> None:
        """Note that somebody forgot their ``password`` (a comparable identifier) or ``identifier`` (an e-mail key).

        What was typed is sealed: people type a password where an identifier is asked for.
        """
        row_id = new_id()
        connection.execute(
            insert(recovery_request).values(
                id=row_id,
                kind=forgotten,
                typed=self._keyring.seal(typed.encode(), bound_to=bound_to(row_id)),
                created_at=self._clock.now(),
            )
        )

    def answer(self) -> int:
        """Answer the requests noted, the oldest first, and return how many there were. Several workers may do so."""
        with self._database.read() as connection:
            asked = connection.execute(
                select(recovery_request)
                .order_by(recovery_request.c.created_at, recovery_request.c.id)
                .limit(PIECE)
            ).all()
        for row in asked:
            typed = self._opened(row.id, row.typed)
            with self._database.write() as connection:
                mine = delete(recovery_request).where(recovery_request.c.id == row.id)
                now = self._clock.now()
                taken = connection.execute(mine).rowcount == 1
                if taken and typed is not None and row.created_at > now - _STALE:
                    answered = self._send_link if row.kind == "password" else self._send_identifiers
                    answered(connection, typed, now)
        return len(asked)

    def _opened(self, row_id: str, sealed: str) -> str | None:
        """Return what was typed; ``None`` once its key has left the keyring: then nobody can be answered."""
        try:
            return self._keyring.open(sealed, bound_to=bound_to(row_id)).decode()
        except SealBroken:
            return None

    def _send_link(self, connection: Connection, identifier: str, now: datetime) -> None:
        known = directory.credentials(connection, identifier)
        if known is None or known.disabled:
            return
        if reset_links.count(connection, known.account_id, now) < _LINKS_AT_ONCE:
            self.send_link(connection, known.account_id, LINK_LIFETIME, now)

    def send_link(self, connection: Connection, account_id: str, lifetime: timedelta, now: datetime) -> int:
        """Queue a fresh link for every contact of the account, and return for how many."""
        link = self.new_link(connection, account_id, lifetime, now)
        minutes = str(lifetime // timedelta(minutes=1))
        sent = self._outbox.tell(
            connection, Notice.PASSWORD_LINK, account_id, now, link=link, minutes=minutes
        )
        self._note_sent(connection, "password", account_id, sent, now)
        return sent

    def new_link(self, connection: Connection, account_id: str, lifetime: timedelta, now: datetime) -> str:
        """Return the address of a fresh single-use link."""
        return f"{self._issuer}/forgotten/reset/{reset_links.make(connection, account_id, lifetime, now)}"

    def _send_identifiers(self, connection: Connection, email_key: str, now: datetime) -> None:
        for account_id in directory.with_email(connection, email_key)[:_ACCOUNTS_OF_AN_ADDRESS]:
            identifier = connection.execute(
                select(account.c.identifier).where(account.c.id == account_id)
            ).scalar_one()
            sent = self._outbox.tell(connection, Notice.IDENTIFIER, account_id, now, identifier=identifier)
            self._note_sent(connection, "identifier", account_id, sent, now)

    def _note_sent(
        self, connection: Connection, forgotten: Forgotten, account_id: str, sent: int, now: datetime
    ) -> None:
        detail = {"forgotten": forgotten, "contacts": sent}
        record(connection, Event.RECOVERY_LINK_SENT, now, account_id=account_id, detail=detail)


def bound_to(row_id: str) -> str:
    """Return what what was typed is sealed to."""
    return f"recovery_request:{row_id}"
