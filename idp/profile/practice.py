"""What a practitioner does to those who assist them: each act with its line in the audit and its notice, at once.

The provider's own pages and the API come here alike; whether somebody may is asked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from idp.accounts import delegations
from idp.accounts.delegations import Delegation
from idp.accounts.party import Account
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.surroundings import Surroundings
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.rules.delegation import last_day
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class Manager:
    """Who manages: the account's holder, by the provider's own pages or by a service."""

    account: Account
    client_id: str | None = None
    service: str | None = None
    """Its name."""


@dataclass(frozen=True)
class Practice:
    """The acts of whoever was let through to manage."""

    database: Database
    clock: Clock
    keyring: Keyring
    outbox: Outbox
    limit: int
    """Assistants of one account."""

    def listed(self, account: Account) -> Sequence[Delegation]:
        """Return everybody who is or was an assistant of the account, the newest first. One statement."""
        with self.database.read() as connection:
            return delegations.of_account(connection, account.id)

    def places_left(self, listed: Sequence[Delegation], now: datetime) -> int:
        """Return how many assistants there is room for, as far as ``listed`` tells."""
        return max(0, self.limit - sum(takes_place(one, now) for one in listed))

    def remove(self, by: Manager, one: Delegation) -> bool:
        """Remove the assistant; false when they were removed meanwhile."""
        now = self.clock.now()
        with self.database.write() as connection:
            if not delegations.remove(connection, by.account.id, one.id, by.account.sub, now):
                return False
            self.note(connection, Event.ASSISTANT_REMOVED, by, one.id, now)
            self.tell(connection, Notice.ASSISTANT_REMOVED, by, now, who=one.name)
        return True

    def set_end(self, by: Manager, one: Delegation, end: datetime | None) -> bool:
        """Give the assistant another exclusive end (``None``: open); false when they were removed meanwhile.

        The practitioner is told when a service asked: on the pages they have just typed it themselves.
        Raises ``TooManyAssistants`` when one whose time was over finds no place.
        """
        now = self.clock.now()
        with self.database.write() as connection:
            if not delegations.set_end(connection, by.account.id, one.id, end, self.limit, now):
                return False
            self.note(connection, Event.ASSISTANT_CHANGED, by, one.id, now)
            if by.service is not None:
                last = last_day(replace(one.window, end=end))
                self.tell(
                    connection,
                    Notice.ASSISTANT_CHANGED,
                    by,
                    now,
                    who=one.name,
                    last=last.isoformat() if last else "",
                    service=by.service,
                )
        return True

    def note(
        self,
        connection: Connection,
        event: Event,
        by: Manager,
        delegation_id: str,
        now: datetime,
        **detail: object,
    ) -> None:
        """Write the act's line in the audit, in the caller's transaction."""
        record(
            connection,
            event,
            now,
            account_id=by.account.id,
            client_id=by.client_id,
            detail={"delegation": delegation_id, **detail},
        )

    def tell(self, connection: Connection, kind: Notice, by: Manager, now: datetime, **values: str) -> None:
        """Queue a notice of the act for the practitioner, in the caller's transaction."""
        self.outbox.tell(connection, kind, by.account.id, now, **values)


def takes_place(one: Delegation, now: datetime) -> bool:
    """Say whether the assistant counts towards the limit: neither removed nor over, and so those to come."""
    return one.removed_at is None and not one.window.is_over(now)


def practice_of(around: Surroundings) -> Practice:
    """Return the practice of these surroundings."""
    return Practice(
        around.database, around.clock, around.keyring, around.outbox, around.settings.max_assistants
    )
