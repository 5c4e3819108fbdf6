"""Assistants: added, listed, given another end, removed. The row stays as history, the secret goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from idp.accounts import authenticators, devices, grants
from idp.accounts.directory import add_person
from idp.accounts.identifier import new_id
from idp.accounts.locking import lock_account, lock_practice
from idp.rules.delegation import Window
from idp.storage.keyring import Keyring
from idp.storage.schema import authenticator, delegation, person


class TooManyAssistants(Exception):
    """The account has as many assistants as the settings allow."""


class AlreadyListed(Exception):
    """The person is an assistant of the account already."""


@dataclass(frozen=True)
class Delegation:
    """One line of the practitioner's list."""

    id: str
    name: str
    added_at: datetime
    window: Window
    removed_at: datetime | None
    last_used_at: datetime | None
    last_used_for: str | None


@dataclass(frozen=True)
class NewAssistant:
    """What the practitioner enters, with the secret that the assistant's phone confirmed by ``step``."""

    name: str
    window: Window
    secret: str
    step: int | None
    person_id: str | None = None
    """The subject of somebody's assistant who is to work here too; ``name`` then does not count."""
    linked_from: str | None = None
    """The delegation where that person is known, whose sign-in is accepted for this one."""


def of_account(connection: Connection, account_id: str) -> Sequence[Delegation]:
    """Return every delegation of the account, removed ones too, the newest first."""
    rows = connection.execute(
        select(delegation, person.c.name)
        .join(person, person.c.id == delegation.c.person_id)
        .where(delegation.c.account_id == account_id)
        .order_by(delegation.c.created_at.desc(), delegation.c.id)
    ).all()
    return [
        Delegation(
            row.id,
            row.name,
            row.created_at,
            Window(row.valid_from, row.valid_until),
            row.removed_at,
            row.last_used_at,
            row.last_used_for,
        )
        for row in rows
    ]


def add(
    connection: Connection, keyring: Keyring, account_id: str, new: NewAssistant, limit: int, now: datetime
) -> str:
    """Add an assistant with their own authenticator and return the delegation's id.

    The account's row is locked first, so that adding in parallel cannot pass ``limit`` (assistants neither removed nor
    over). Raises ``TooManyAssistants``, and ``AlreadyListed`` for a person who has not been removed.
    """
    delegation_id = new_id()
    _make_room(connection, account_id, delegation_id, limit, now)
    if new.person_id is not None and _is_listed(connection, account_id, new.person_id):
        raise AlreadyListed
    connection.execute(
        insert(delegation).values(
            id=delegation_id,
            account_id=account_id,
            person_id=new.person_id or add_person(connection, new.name, now),
            valid_from=new.window.start,
            valid_until=new.window.end,
            created_at=now,
            linked_from=new.linked_from,
        )
    )
    authenticators.add(connection, keyring, account_id, delegation_id, new.secret, new.step, now)
    return delegation_id


def set_end(
    connection: Connection,
    account_id: str,
    delegation_id: str,
    end: datetime | None,
    limit: int,
    now: datetime,
) -> bool:
    """Give the delegation another exclusive end (``None``: open); false when it is not the account's, or removed.

    One that is over takes a place again, and nothing that was granted before comes back to life. Raises
    ``TooManyAssistants``.
    """
    lock_practice(connection, account_id)
    if end is None or end > now:
        _make_room(connection, account_id, delegation_id, limit, now)
    over = delegation.c.valid_until <= now
    one = (delegation.c.id == delegation_id) & (delegation.c.account_id == account_id)
    was_over = connection.execute(select(delegation.c.id).where(one, over)).one_or_none() is not None
    result = connection.execute(
        update(delegation).where(one, delegation.c.removed_at.is_(None)).values(valid_until=end)
    )
    if result.rowcount == 1 and (was_over or (end is not None and end <= now)):
        grants.revoke_delegation(connection, delegation_id, now)
        connection.execute(update(delegation).where(one).values(not_before=now))
    return result.rowcount == 1


def remove(
    connection: Connection, account_id: str, delegation_id: str, by: str | None, now: datetime
) -> bool:
    """Remove the assistant: secret and own password gone, grants revoked, row kept.

    ``by`` is the subject of who did it, ``None``: support. False when not the account's, or removed.
    """
    lock_practice(connection, account_id)
    result = connection.execute(
        update(delegation)
        .where(
            delegation.c.id == delegation_id,
            delegation.c.account_id == account_id,
            delegation.c.removed_at.is_(None),
        )
        .values(removed_at=now, removed_by=by, password=None)
    )
    if result.rowcount != 1:
        return False
    connection.execute(
        update(authenticator).where(authenticator.c.delegation_id == delegation_id).values(secret=None)
    )
    grants.revoke_delegation(connection, delegation_id, now)
    devices.forget(connection, account_id, of=delegation_id)
    return True


def assistant_of(connection: Connection, delegation_id: str) -> str | None:
    """Return the subject of the delegation's assistant, of a removed one too."""
    return connection.execute(
        select(delegation.c.person_id).where(delegation.c.id == delegation_id)
    ).scalar_one_or_none()


def used(connection: Connection, delegation_id: str, service: str, now: datetime) -> None:
    """Note that the assistant signed in to ``service`` at ``now``."""
    connection.execute(
        update(delegation)
        .where(delegation.c.id == delegation_id)
        .values(last_used_at=now, last_used_for=service[:120])
        .execution_options(changes_nobody=True)
    )


def in_force(now: datetime) -> ColumnElement[bool]:
    """Return the condition of a delegation that lets its assistant act at ``now``."""
    return (
        delegation.c.removed_at.is_(None)
        & (delegation.c.valid_from <= now)
        & or_(delegation.c.valid_until.is_(None), delegation.c.valid_until > now)
    )


def _is_listed(connection: Connection, account_id: str, person_id: str) -> bool:
    mine = (delegation.c.account_id == account_id) & (delegation.c.person_id == person_id)
    found = connection.execute(
        select(delegation.c.id).where(mine, delegation.c.removed_at.is_(None)).limit(1)
    )
    return found.one_or_none() is not None


def _make_room(
    connection: Connection, account_id: str, delegation_id: str, limit: int, now: datetime
) -> None:
    """Lock the account, so that nothing in parallel passes ``limit``, and count the others that are not over."""
    lock_account(connection, account_id)
    others = connection.execute(
        select(func.count())
        .select_from(delegation)
        .where(
            delegation.c.account_id == account_id,
            delegation.c.id != delegation_id,
            delegation.c.removed_at.is_(None),
            or_(delegation.c.valid_until.is_(None), delegation.c.valid_until > now),
        )
    ).scalar_one()
    if others >= limit:
        raise TooManyAssistants
