"""Accounts by the thousand: one transaction a batch, and what is there already is left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from idp.accounts.directory import NO_PASSWORD, email_key
from idp.accounts.identifier import new_id
from idp.accounts.import_file import BadLine, Row
from idp.audit.events import Event, record
from idp.storage.schema import account, person

BATCH = 1_000
"""Rows of one transaction."""

_Held = tuple[str, str, Mapping[str, object]]


@dataclass(frozen=True)
class Sorted:
    """What the database says to a batch."""

    new: Sequence[Row]
    present: int
    """How many are there with the same data."""
    bad: Sequence[BadLine]


def sort_out(connection: Connection, rows: Sequence[Row]) -> Sorted:
    """Say which rows are new, which are there, and which are there otherwise.

    The password is not compared: it may have been changed, or stored anew at its first use.
    """
    held = _held(connection, [row.identifier for row in rows])
    same = {
        row.identifier for row in rows if held.get(row.identifier) == (row.name, row.profile, row.attributes)
    }
    bad = [
        BadLine(row.line, "identifier", "a new one, an account with other data has it")
        for row in rows
        if row.identifier in held and row.identifier not in same
    ]
    return Sorted([row for row in rows if row.identifier not in held], len(same), bad)


def add_all(connection: Connection, rows: Sequence[Row], file: str, now: datetime) -> None:
    """Add the accounts of new rows with one line of audit for all of them.

    Raises ``IntegrityError`` when somebody else added one of them meanwhile: then nothing was added.
    """
    if not rows:
        return
    people = [
        {
            "id": new_id(),
            "name": row.name,
            "attributes": dict(row.attributes),
            "email_key": email_key(row.attributes),
            "created_at": now,
        }
        for row in rows
    ]
    accounts = [
        {
            "id": new_id(),
            "person_id": one["id"],
            "identifier": row.identifier,
            "profile": row.profile,
            "password": row.phc or NO_PASSWORD,
            "created_at": now,
        }
        for row, one in zip(rows, people, strict=True)
    ]
    connection.execute(insert(person), people)
    connection.execute(insert(account), accounts)
    detail = {"file": file, "accounts": len(rows), "lines": [rows[0].line, rows[-1].line]}
    record(connection, Event.ACCOUNT_IMPORTED, now, detail=detail)


def _held(connection: Connection, identifiers: Sequence[str]) -> dict[str, _Held]:
    found = connection.execute(
        select(account.c.identifier, person.c.name, account.c.profile, person.c.attributes)
        .join(person, person.c.id == account.c.person_id)
        .where(account.c.identifier.in_(identifiers))
    )
    return {row.identifier: (row.name, row.profile, row.attributes) for row in found}
