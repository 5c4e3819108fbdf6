"""Single-use links by which a password is chosen anew: SHA-256 at rest, and good for the account as it stood only."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from idp.accounts.locking import lock_practice
from idp.accounts.party import Account, party
from idp.storage.schema import account, single_use_link


def make(connection: Connection, account_id: str, lifetime: timedelta, now: datetime) -> str:
    """Make a link to the account and return its token, 256 bits, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(single_use_link).values(
            token=_digest(token),
            account_id=account_id,
            state=_state(connection, account_id),
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    return token


def count(connection: Connection, account_id: str, now: datetime) -> int:
    """Return how many of the account's links have not expired."""
    live = (single_use_link.c.account_id == account_id) & (single_use_link.c.expires_at > now)
    found: int = connection.execute(
        select(func.count()).select_from(single_use_link).where(live)
    ).scalar_one()
    return found


def holder(connection: Connection, token: str, now: datetime) -> Account | None:
    """Return the account that a link leads to, without using it up; ``None``: expired, used, or overtaken."""
    row = connection.execute(
        select(single_use_link.c.account_id, single_use_link.c.state).where(
            single_use_link.c.token == _digest(token), single_use_link.c.expires_at > now
        )
    ).one_or_none()
    if row is None or row.state != _state(connection, row.account_id):
        return None
    present = party(connection, row.account_id, None, now)
    return present.account if present else None


def take(connection: Connection, token: str, now: datetime) -> str | None:
    """Use a link up and return its account; ``None``: expired, used, or overtaken. Atomic: of many callers one gets it.

    The account stays locked to the end of the transaction, so that of two links used at once one is overtaken.
    """
    good = (single_use_link.c.token == _digest(token)) & (single_use_link.c.expires_at > now)
    found = connection.execute(select(single_use_link.c.account_id).where(good)).scalar_one_or_none()
    if found is None:
        return None
    lock_practice(connection, found)
    state = connection.execute(
        delete(single_use_link).where(good).returning(single_use_link.c.state)
    ).scalar_one_or_none()
    return found if state is not None and state == _state(connection, found) else None


def forget(connection: Connection, account_id: str) -> None:
    """Delete every link to the account."""
    connection.execute(delete(single_use_link).where(single_use_link.c.account_id == account_id))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _state(connection: Connection, account_id: str) -> str:
    """Return a digest of all whose change makes a link worthless: password, phone, disabling, recovery."""
    columns = (
        account.c.password,
        account.c.activated_at,
        account.c.disabled_at,
        account.c.not_before,
        account.c.holder_not_before,
    )
    row = connection.execute(select(*columns).where(account.c.id == account_id)).one()
    return hashlib.sha256(json.dumps(list(row), default=str).encode()).hexdigest()
