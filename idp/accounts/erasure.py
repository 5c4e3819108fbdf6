"""Erasing a person, as ``personal_data`` declares it: what goes, and what stays under a name that leads nowhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, or_, select, update

from idp.accounts import failures, logouts, sessions
from idp.accounts.locking import lock_practice
from idp.accounts.personal_data import PERSONAL_DATA
from idp.accounts.privacy import Subject, at_accounts, of_assistant
from idp.audit.events import Event, record
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring
from idp.storage.schema import account, audit_event, delegation, metadata, notice, person

_ERASED = "[effacé]"
_FREE_TEXT = "reason"
"""The one detail of the audit in somebody's own words: it may name the person in any way."""

_SHORTEST = 3
"""Letters of a word that is looked for: shorter ones stand everywhere."""

Counts = dict[str, Counter[str]]
"""By table: how many rows were ``deleted``, how many ``scrubbed``."""


def erase(connection: Connection, keyring: Keyring, who: Subject, reason: str, now: datetime) -> Counts:
    """Erase the person in every part they have, with the line of audit that says so; return what that touched.

    Assistants of nobody else go with the account: nothing would lead to them any more.
    """
    practices = sorted({*who.accounts, *who.delegations.values()})
    # What comes in parallel waits for this, and then finds nobody.
    lock_practice(connection, *practices)
    alone = _assistants_of_nobody_else(connection, who)
    words = _words_about(connection, {who.person_id, *alone}, who.accounts.values())
    counts: Counts = {}
    _end_access(connection, who, now)
    _note(counts, notice, "deleted", _delete_notices_that_name(connection, keyring, who, words))
    for table in reversed(metadata.sorted_tables):
        if table is not person:
            _erase_rows(connection, table, who, counts)
    _note(counts, audit_event, "scrubbed", _scrub_audit(connection, who, practices, words))
    _erase_people(connection, who, alone, counts)
    detail = {_FREE_TEXT: _without(words, reason)}
    for one in practices:
        actor_id = None if one in who.accounts else who.person_id
        record(connection, Event.PERSON_ERASED, now, account_id=one, actor_id=actor_id, detail=detail)
    return counts


def _end_access(connection: Connection, who: Subject, now: datetime) -> None:
    for account_id, identifier in who.accounts.items():
        sessions.end_all(connection, account_id, now, of="everybody")
        failures.clear(connection, account_id, identifier)
    # Who forgot an identifier is counted by the key of their mail address.
    asked = select(person.c.email_key).where(person.c.id == who.person_id, person.c.email_key.is_not(None))
    for key in connection.execute(asked).scalars().all():
        failures.forget(connection, "forgotten", key)
    for delegation_id, account_id in who.delegations.items():
        sessions.end_all(connection, account_id, now, of=delegation_id)
    still = delegation.c.id.in_(list(who.delegations)) & delegation.c.removed_at.is_(None)
    connection.execute(update(delegation).where(still).values(removed_at=now))
    logouts.outlive(connection, who.accounts)


def _erase_rows(connection: Connection, table: Table, who: Subject, counts: Counts) -> None:
    held = PERSONAL_DATA[table.name]
    if held.with_account == "deleted":
        rows = at_accounts(table, held, who.accounts)
        if table is delegation:
            going = select(delegation.c.id).where(rows)
            linked = update(delegation).where(delegation.c.linked_from.in_(going))
            connection.execute(linked.values(linked_from=None))
        _note(counts, table, "deleted", _delete(connection, table, rows))
    if held.with_assistant == "deleted":
        _note(counts, table, "deleted", _delete(connection, table, of_assistant(table, held, who)))
    elif held.scrubbed:
        mine = update(table).where(of_assistant(table, held, who))
        _note(counts, table, "scrubbed", connection.execute(mine.values(dict(held.scrubbed))).rowcount)


def _erase_people(connection: Connection, who: Subject, alone: set[str], counts: Counts) -> None:
    """Delete whom no row names any more; the others keep their row under a name that says nothing."""
    going = alone if who.delegations else alone | {who.person_id}
    removed = update(delegation).where(delegation.c.removed_by.in_(going))
    connection.execute(removed.values(removed_by=None))
    _note(counts, person, "deleted", _delete(connection, person, person.c.id.in_(going)))
    if who.delegations:
        mine = update(person).where(person.c.id == who.person_id)
        scrubbed = connection.execute(mine.values(dict(PERSONAL_DATA["person"].scrubbed))).rowcount
        _note(counts, person, "scrubbed", scrubbed)


def _assistants_of_nobody_else(connection: Connection, who: Subject) -> set[str]:
    mine = delegation.c.account_id.in_(list(who.accounts))
    elsewhere = delegation.alias()
    others = exists().where(
        elsewhere.c.person_id == delegation.c.person_id, elsewhere.c.account_id.not_in(list(who.accounts))
    )
    holds = exists().where(account.c.person_id == delegation.c.person_id)
    return set(connection.execute(select(delegation.c.person_id).where(mine, ~others, ~holds)).scalars())


def _delete_notices_that_name(
    connection: Connection, keyring: Keyring, who: Subject, words: re.Pattern[str]
) -> int:
    """Delete what was told to the practices of an assistant by name. Those that no key opens may name them too."""
    told = select(notice.c.id, notice.c.content).where(
        notice.c.account_id.in_(list(who.delegations.values()))
    )
    naming = [row.id for row in connection.execute(told) if _names(keyring, row.id, row.content, words)]
    return _delete(connection, notice, notice.c.id.in_(naming))


def _names(keyring: Keyring, notice_id: str, content: str, words: re.Pattern[str]) -> bool:
    try:
        told = json.loads(keyring.open(content, bound_to=f"notice:{notice_id}"))
    except (SealBroken, ValueError):
        return True
    return any(words.search(value) for value in _texts(told))


def _scrub_audit(
    connection: Connection, who: Subject, practices: Collection[str], words: re.Pattern[str]
) -> int:
    """Take the person's words out of what stays, and whatever was written in free words about them."""
    concerned = or_(audit_event.c.account_id.in_(practices), audit_event.c.actor_id == who.person_id)
    lines = select(audit_event.c.id, audit_event.c.account_id, audit_event.c.actor_id, audit_event.c.detail)
    scrubbed = 0
    for row in connection.execute(lines.where(concerned)).all():
        about = row.account_id in who.accounts or row.actor_id == who.person_id
        kept = {name: value for name, value in row.detail.items() if not (about and name == _FREE_TEXT)}
        detail = _without(words, kept)
        if detail != row.detail:
            connection.execute(update(audit_event).where(audit_event.c.id == row.id).values(detail=detail))
            scrubbed += 1
    return scrubbed


def _words_about(
    connection: Connection, people: Collection[str], identifiers: Iterable[str]
) -> re.Pattern[str]:
    """Return what finds the people's names, identifiers and attributes in a text, as whole words."""
    found = connection.execute(
        select(person.c.name, person.c.attributes).where(person.c.id.in_(people))
    ).all()
    texts = {text for row in found for text in (row.name, *row.name.split(), *_texts(row.attributes))}
    wanted = {*identifiers, *(text for text in texts if len(text) >= _SHORTEST)}
    longest_first = sorted(wanted, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})(?!\w)", re.IGNORECASE)


def _without(words: re.Pattern[str], value: Any) -> Any:
    match value:
        case str():
            return words.sub(_ERASED, value)
        case dict():
            return {name: _without(words, inner) for name, inner in value.items()}
        case list():
            return [_without(words, inner) for inner in value]
        case _:
            return value


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _delete(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(which)).rowcount


def _note(counts: Counts, table: Table, what: str, rows: int) -> None:
    if rows:
        counts.setdefault(table.name, Counter())[what] += rows
