"""Everything held about one person, given out or erased, as ``personal_data`` declares it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, false, or_, select

from idp.accounts.personal_data import PERSONAL_DATA, Held
from idp.storage.schema import account, delegation, metadata, person


@dataclass(frozen=True)
class Subject:
    """One person with every part they have: accounts of their own, places at practices of others."""

    person_id: str
    accounts: Mapping[str, str]
    """Identifier by account."""
    delegations: Mapping[str, str]
    """Account of the practice by delegation."""


def find_holder(connection: Connection, identifier: str) -> Subject | None:
    """Return who holds the account of a comparable identifier."""
    wanted = select(account.c.person_id).where(account.c.identifier == identifier)
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else _subject(connection, found)


def find_assistant(connection: Connection, subject: str) -> Subject | None:
    """Return the assistant who bears that subject (``act.sub``)."""
    wanted = select(delegation.c.person_id).where(delegation.c.person_id == subject).limit(1)
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else _subject(connection, found)


def export(connection: Connection, who: Subject) -> dict[str, Any]:
    """Return every row about the person by table, without what proves who somebody is; moments in ISO 8601, UTC.

    ``names`` says whose subjects stand in those rows: the holder knows the assistants of the account.
    """
    tables = {
        name: _rows(connection, metadata.tables[name], held, who) for name, held in PERSONAL_DATA.items()
    }
    known = {row["person_id"] for row in tables["delegation"]}
    names = connection.execute(select(person.c.id, person.c.name).where(person.c.id.in_(known))).all()
    given = {name: rows for name, rows in tables.items() if PERSONAL_DATA[name].given}
    return {"subject": who.person_id, **given, "names": {row.id: row.name for row in names}}


def of_subject(table: Table, held: Held, who: Subject) -> ColumnElement[bool]:
    """Return which rows of a table are about the person, in any of their parts."""
    return or_(false(), at_accounts(table, held, who.accounts), of_assistant(table, held, who))


def at_accounts(table: Table, held: Held, accounts: Collection[str]) -> ColumnElement[bool]:
    """Return which rows of a table belong to the accounts."""
    return table.c[held.account].in_(list(accounts)) if held.account else false()


def of_assistant(table: Table, held: Held, who: Subject) -> ColumnElement[bool]:
    """Return which rows of a table the person has as an assistant, or by name."""
    mine: list[ColumnElement[bool]] = (
        [table.c[held.delegation].in_(list(who.delegations))] if held.delegation else []
    )
    mine += [table.c[held.person] == who.person_id] if held.person else []
    return or_(false(), *mine)


def _subject(connection: Connection, person_id: str) -> Subject:
    accounts = select(account.c.id, account.c.identifier).where(account.c.person_id == person_id)
    places = select(delegation.c.id, delegation.c.account_id).where(delegation.c.person_id == person_id)
    return Subject(
        person_id,
        {row.id: row.identifier for row in connection.execute(accounts)},
        {row.id: row.account_id for row in connection.execute(places)},
    )


def _rows(connection: Connection, table: Table, held: Held, who: Subject) -> Sequence[dict[str, Any]]:
    if not held.given:
        return []
    wanted = select(*(table.c[name] for name in held.given)).where(of_subject(table, held, who))
    found = connection.execute(wanted.order_by(*table.primary_key)).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
