"""The browsers that an account knows: each is one random token, kept here by its SHA-256.

A known device opens nothing. It only decides in which counter a failure counts (``accounts.failures``), so that
nobody's failures elsewhere stop the practice's own computer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, insert, or_, select, update

from idp.accounts.identifier import new_id
from idp.accounts.locking import lock_account
from idp.storage.schema import account, delegation, device, person

KEPT_OF_ONE_PERSON = 10
"""Devices kept for each person at an account, those used last. Counted by person: an assistant's many browsers must
not push out the doctor's computer."""

MadeKnown = Literal["before", "first", "another", "activated"]
"""What a sign-in found: the account knew the device before, knew none at all, or knew others only; or it came by the
password alone and the account is activated by now, so that nothing was noted."""


@dataclass(frozen=True)
class Device:
    """One device that the account knows."""

    id: str
    token: str
    """SHA-256 of what the browser keeps; compare it with ``KnownDevices.token`` to find *this* device."""
    label: str
    """Browser and system, in words; may be empty."""
    assistants: tuple[str, ...]
    """The assistants who signed in with it, by name."""
    by_holder: bool
    """Whether the holder signed in with it."""
    last_used_at: datetime


def of_account(connection: Connection, account_id: str, now: datetime) -> Sequence[Device]:
    """Return the devices that the account knows at ``now``, the one used last first."""
    rows = connection.execute(
        select(device, person.c.name)
        .outerjoin(delegation, delegation.c.id == device.c.delegation_id)
        .outerjoin(person, person.c.id == delegation.c.person_id)
        .where(device.c.account_id == account_id, _in_force(now))
        .order_by(device.c.last_used_at.desc(), device.c.id)
    ).all()
    return [
        Device(
            one.id,
            one.token,
            one.label,
            tuple(sorted({row.name for row in rows if row.token == one.token and row.name is not None})),
            any(row.token == one.token and row.delegation_id is None for row in rows),
            one.last_used_at,
        )
        for place, one in enumerate(rows)
        if one.token not in {earlier.token for earlier in rows[:place]}
    ]


def forget_one(connection: Connection, account_id: str, device_id: str) -> bool:
    """Let the account know the device no longer, whoever made it known; false when it does not know it."""
    token = select(device.c.token).where(device.c.id == device_id, device.c.account_id == account_id)
    gone = delete(device).where(device.c.account_id == account_id, device.c.token == token.scalar_subquery())
    return connection.execute(gone).rowcount > 0


def forget(connection: Connection, account_id: str, *, of: str | Literal["everybody", "holder"]) -> int:
    """Forget what everybody at the account made known, its holder, or the delegation ``of``; return how many rows.

    A device that somebody else made known too stays known through them.
    """
    which = device.c.account_id == account_id
    if of == "holder":
        which &= device.c.delegation_id.is_(None)
    elif of != "everybody":
        which &= device.c.delegation_id == of
    return connection.execute(delete(device).where(which)).rowcount


def is_known(connection: Connection, account_id: str, token: str, now: datetime) -> bool:
    """Say whether the account knows the device with that SHA-256. One statement.

    What an assistant made known counts only while the assistant may come: a former one has no known device.
    """
    found = _known(now).where(device.c.account_id == account_id, device.c.token == token)
    return connection.execute(found).first() is not None


def is_known_at(connection: Connection, identifier: str, token: str, now: datetime) -> bool:
    """Say the same by comparable identifier, existing or not: one statement either way."""
    found = (
        _known(now)
        .join(account, account.c.id == device.c.account_id)
        .where(account.c.identifier == identifier, device.c.token == token)
    )
    return connection.execute(found).first() is not None


def is_known_by_mail(connection: Connection, email_key: str, token: str, now: datetime) -> bool:
    """Say the same by the key of a holder's e-mail address, existing or not: any account of theirs will do."""
    found = (
        _known(now)
        .join(account, account.c.id == device.c.account_id)
        .join(person, person.c.id == account.c.person_id)
        .where(person.c.email_key == email_key, device.c.token == token)
    )
    return connection.execute(found).first() is not None


def is_used(connection: Connection, token: str) -> bool:
    """Say whether any account knows the device. One that was forgotten everywhere gets a new token: see README."""
    return bool(connection.execute(select(exists().where(device.c.token == token))).scalar_one())


def make_known(
    connection: Connection,
    account_id: str,
    delegation_id: str | None,
    token: str,
    label: str,
    now: datetime,
    *,
    by_password_alone: bool = False,
) -> MadeKnown:
    """Note that this person signed in from the device, and say what the account knew before.

    The account's row is locked first, so that the same sign-in twice at once makes one row, and that what came
    ``by_password_alone`` is noted before the first activation, which forgets it, or not at all.
    """
    lock_account(connection, account_id)
    if by_password_alone:
        still = exists().where(account.c.id == account_id, account.c.activated_at.is_(None))
        if not connection.execute(select(still)).scalar_one():
            return "activated"
    mine = (device.c.account_id == account_id) & device.c.delegation_id.is_not_distinct_from(delegation_id)
    before = connection.execute(_known(now).where(device.c.account_id == account_id)).scalars().all()
    again = update(device).where(mine, device.c.token == token).values(label=label, last_used_at=now)
    if connection.execute(again).rowcount == 0:
        row = {"id": new_id(), "account_id": account_id, "delegation_id": delegation_id, "token": token}
        connection.execute(insert(device).values(**row, label=label, created_at=now, last_used_at=now))
        kept = (
            select(device.c.id)
            .where(mine)
            .order_by(device.c.last_used_at.desc(), device.c.created_at.desc(), device.c.id)
            .limit(KEPT_OF_ONE_PERSON)
        )
        connection.execute(delete(device).where(mine, device.c.id.not_in(kept)))
    if token in before:
        return "before"
    return "another" if before else "first"


def _known(now: datetime) -> Select[str]:
    """Return the statement that reads the tokens of devices known at ``now``."""
    joined = device.outerjoin(delegation, delegation.c.id == device.c.delegation_id)
    return select(device.c.token).select_from(joined).where(_in_force(now))


def _in_force(now: datetime) -> ColumnElement[bool]:
    open_still = or_(delegation.c.valid_until.is_(None), delegation.c.valid_until > now)
    return or_(device.c.delegation_id.is_(None), delegation.c.removed_at.is_(None) & open_still)
