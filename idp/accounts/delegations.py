"""Assistants: added, listed, given another end, removed. The row stays as history, the secret goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update

from idp.accounts import authenticators, grants
from idp.accounts.directory import add_person
from idp.accounts.identifier import new_id
from idp.rules.delegation import Window
from idp.storage.keyring import Keyring
from idp.storage.schema import account, authenticator, delegation, person


class TooManyAssistants(Exception):
    """The account has as many assistants as the settings allow."""


@dataclass(frozen=True)
class Delegation:
    """One line of the practitioner's list."""

    id: str
    name: str
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
    over). Raises ``TooManyAssistants``.
    """
    delegation_id = new_id()
    _make_room(connection, account_id, delegation_id, limit, now)
    connection.execute(
        insert(delegation).values(
            id=delegation_id,
            account_id=account_id,
            person_id=add_person(connection, new.name, now),
            valid_from=new.window.start,
            valid_until=new.window.end,
            created_at=now,
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


def remove(connection: Connection, account_id: str, delegation_id: str, by: str, now: datetime) -> bool:
    """Remove the assistant: secret gone, grants revoked, row kept. False when not the account's, or removed."""
    result = connection.execute(
        update(delegation)
        .where(
            delegation.c.id == delegation_id,
            delegation.c.account_id == account_id,
            delegation.c.removed_at.is_(None),
        )
        .values(removed_at=now, removed_by=by)
    )
    if result.rowcount != 1:
        return False
    connection.execute(
        update(authenticator).where(authenticator.c.delegation_id == delegation_id).values(secret=None)
    )
    grants.revoke_delegation(connection, delegation_id, now)
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
    )


def _make_room(
    connection: Connection, account_id: str, delegation_id: str, limit: int, now: datetime
) -> None:
    """Lock the account, so that nothing in parallel passes ``limit``, and count the others that are not over."""
    connection.execute(select(account.c.id).where(account.c.id == account_id).with_for_update()).one()
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
