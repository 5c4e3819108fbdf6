"""The journal that an account's holder reads: who was let in where, once for each session and service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.storage.schema import journal_entry, person


@dataclass(frozen=True)
class Admission:
    """Somebody let in at a service, as it is written down."""

    at: datetime
    account_id: str
    person_id: str
    """Who it was: the holder, or the assistant who acted."""
    sid: str
    client_id: str
    """Empty: the provider's own pages."""
    service: str
    """Its name now; it may be called otherwise later."""
    device: str


@dataclass(frozen=True)
class Entry:
    """One line as its reader sees it; ``id`` grows with time."""

    id: int
    at: datetime
    name: str
    client_id: str
    service: str
    device: str


def admitted(connection: Connection, new: Admission) -> None:
    """Write the line, unless this session was let in at this service before. One statement, whoever races."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(journal_entry).values(**vars(new)).on_conflict_do_nothing())


def of_account(
    connection: Connection, account_id: str, since: datetime, limit: int, *, before: int | None = None
) -> Sequence[Entry]:
    """Return at most ``limit`` lines of the account written after ``since``, the newest first.

    With ``before``, the id of a line, those that are older than it: however many there are, the index leads there.
    """
    wanted = [journal_entry.c.account_id == account_id, journal_entry.c.at > since]
    if before is not None:
        wanted.append(journal_entry.c.id < before)
    rows = connection.execute(
        select(
            journal_entry.c.id,
            journal_entry.c.at,
            person.c.name,
            journal_entry.c.client_id,
            journal_entry.c.service,
            journal_entry.c.device,
        )
        .join(person, person.c.id == journal_entry.c.person_id)
        .where(*wanted)
        .order_by(journal_entry.c.id.desc())
        .limit(limit)
    ).all()
    return [Entry(*row) for row in rows]
