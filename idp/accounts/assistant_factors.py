"""What an assistant shows: their phone, given or chosen anew, and a password of their own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from idp.accounts import authenticators, delegations, devices, grants, sessions
from idp.accounts.locking import lock_practice
from idp.storage.keyring import Keyring
from idp.storage.schema import authenticator, delegation


def replace_phone(
    connection: Connection,
    keyring: Keyring,
    account_id: str,
    delegation_id: str,
    secret: str,
    step: int,
    now: datetime,
) -> bool:
    """Give the assistant another phone, confirmed by ``step``; false when not the account's, or removed.

    They stay the same person. The phone before, their own password, their sessions, tokens and known devices go. Who
    gives the phone sees its secret: an assistant with a password of their own chooses one anew.
    """
    lock_practice(connection, account_id)
    one = (delegation.c.id == delegation_id) & (delegation.c.account_id == account_id)
    result = connection.execute(
        update(delegation).where(one, delegation.c.removed_at.is_(None)).values(not_before=now, password=None)
    )
    if result.rowcount != 1:
        return False
    devices.forget(connection, account_id, of=delegation_id)
    _swap_phone(connection, keyring, account_id, delegation_id, secret, step, now)
    return True


def rekey(
    connection: Connection,
    keyring: Keyring,
    account_id: str,
    delegation_id: str,
    password: str,
    secret: str,
    step: int,
    now: datetime,
) -> bool:
    """Give the assistant a password (a PHC string) and a phone that nobody else knows.

    False when they have one already, or may not act now. Atomic: of several at once, one counts. Their sessions and
    tokens end; what was proved in the same second, by the sign-in that does this, goes on counting.
    """
    lock_practice(connection, account_id)
    result = connection.execute(
        update(delegation)
        .where(
            delegation.c.id == delegation_id,
            delegation.c.account_id == account_id,
            delegation.c.password.is_(None),
            delegations.in_force(now),
        )
        .values(password=password, not_before=now.replace(microsecond=0))
    )
    if result.rowcount != 1:
        return False
    _swap_phone(connection, keyring, account_id, delegation_id, secret, step, now)
    return True


def own_passwords(connection: Connection, account_id: str, now: datetime) -> dict[str, str]:
    """Return the PHC strings of the account's assistants who may act now and chose a password, by delegation."""
    rows = connection.execute(
        select(delegation.c.id, delegation.c.password)
        .where(
            delegation.c.account_id == account_id,
            delegation.c.password.is_not(None),
            delegations.in_force(now),
        )
        .order_by(delegation.c.id)
    ).all()
    return {row.id: row.password for row in rows}


def set_own_password(connection: Connection, delegation_id: str, before: str, phc: str) -> bool:
    """Store another PHC string of the same password; false when it was changed meanwhile. Atomic."""
    result = connection.execute(
        update(delegation)
        .where(delegation.c.id == delegation_id, delegation.c.password == before)
        .values(password=phc)
    )
    return result.rowcount == 1


def _swap_phone(
    connection: Connection,
    keyring: Keyring,
    account_id: str,
    delegation_id: str,
    secret: str,
    step: int,
    now: datetime,
) -> None:
    sessions.end_all(connection, account_id, now, of=delegation_id)
    grants.revoke_delegation(connection, delegation_id, now)
    connection.execute(delete(authenticator).where(authenticator.c.delegation_id == delegation_id))
    authenticators.add(connection, keyring, account_id, delegation_id, secret, step, now)
