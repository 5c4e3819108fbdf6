"""Which services are to be told that a session ended: a durable outbox, filled in the transaction of the end.

Who can be told, and how, is no matter of this room: a line stands here for every service that the session reached.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts.identifier import new_id
from idp.storage.schema import backchannel_logout, journal_entry

WAITING: Final = backchannel_logout.c.sent_at.is_(None) & backchannel_logout.c.given_up_at.is_(None)
"""True of what is still to be told."""

_REACHED: Final = journal_entry.c.client_id != ""


@dataclass(frozen=True)
class Reached:
    """A service that a session had reached, and whether it heard of the end."""

    client_id: str
    service: str
    """Its name when the session came there."""
    told: bool
    waits: bool
    """It is still to be told."""
    failed: bool
    """It was tried, and not reached so far."""


def queue(connection: Connection, sid: str, account_id: str, now: datetime) -> None:
    """Have every service told that the session reached, by its lines in the journal; each once, whoever ends it again.

    What is let in meanwhile gets no tokens: call it under the account's lock, after the end is written.
    """
    reached = select(journal_entry.c.client_id).where(journal_entry.c.sid == sid, _REACHED)
    rows = [
        {
            "id": new_id(),
            "sid": sid,
            "client_id": client_id,
            "account_id": account_id,
            "created_at": now,
            "due_at": now,
        }
        for client_id in connection.execute(reached).scalars()
    ]
    if rows:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(backchannel_logout).values(rows).on_conflict_do_nothing())


def outlive(connection: Connection, accounts: Collection[str]) -> None:
    """Let what is still to be told go on without the accounts, which are about to be deleted: a ``sid`` is left."""
    theirs = update(backchannel_logout).where(backchannel_logout.c.account_id.in_(list(accounts)), WAITING)
    connection.execute(theirs.values(account_id=None))


def of_session(connection: Connection, sid: str) -> Sequence[Reached]:
    """Return the services that a session reached, by name."""
    told = (backchannel_logout.c.sid == journal_entry.c.sid) & (
        backchannel_logout.c.client_id == journal_entry.c.client_id
    )
    rows = connection.execute(
        select(
            journal_entry.c.client_id,
            journal_entry.c.service,
            backchannel_logout.c.created_at,
            backchannel_logout.c.sent_at,
            backchannel_logout.c.given_up_at,
            backchannel_logout.c.attempts,
        )
        .outerjoin(backchannel_logout, told)
        .where(journal_entry.c.sid == sid, _REACHED)
        .order_by(journal_entry.c.service, journal_entry.c.client_id)
    ).all()
    return [
        Reached(
            row.client_id,
            row.service,
            row.sent_at is not None,
            row.created_at is not None and row.sent_at is None and row.given_up_at is None,
            row.sent_at is None and (row.given_up_at is not None or bool(row.attempts)),
        )
        for row in rows
    ]
