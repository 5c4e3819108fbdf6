"""Accounts by what a person types, their passwords, and new accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from idp.accounts import grants
from idp.accounts.identifier import comparable, new_id
from idp.storage.schema import account, person


@dataclass(frozen=True)
class Credentials:
    """What is compared when somebody identifies themselves."""

    account_id: str
    password: str
    """A PHC string."""
    disabled: bool


def credentials(connection: Connection, identifier: str) -> Credentials | None:
    """Return the credentials of a comparable identifier, or ``None`` when no account has it."""
    row = connection.execute(
        select(account.c.id, account.c.password, account.c.disabled_at).where(
            account.c.identifier == identifier
        )
    ).one_or_none()
    return None if row is None else Credentials(row.id, row.password, row.disabled_at is not None)


def set_password(connection: Connection, account_id: str, phc: str) -> None:
    """Store a new PHC string for the account."""
    connection.execute(update(account).where(account.c.id == account_id).values(password=phc))


def set_disabled(connection: Connection, account_id: str, now: datetime | None) -> None:
    """Disable the account from ``now`` on, or enable it again with ``None``; its earlier sessions stay ended."""
    one = update(account).where(account.c.id == account_id)
    if now is None:
        connection.execute(one.values(disabled_at=None))
        return
    grants.revoke_account(connection, account_id, now)
    connection.execute(one.values(disabled_at=now, not_before=now))


def add_person(
    connection: Connection, name: str, now: datetime, attributes: Mapping[str, object] | None = None
) -> str:
    """Add a person and return their subject."""
    sub = new_id()
    connection.execute(
        insert(person).values(id=sub, name=name, attributes=dict(attributes or {}), created_at=now)
    )
    return sub


def add_account(
    connection: Connection, sub: str, identifier: str, profile: str, phc: str, now: datetime
) -> str:
    """Add an account of the person ``sub`` and return its id.

    Raises ``ValueError`` when the identifier cannot be one, ``IntegrityError`` when it is taken.
    """
    compared = comparable(identifier)
    if compared is None:
        raise ValueError("an identifier has 1 to 64 visible characters")
    account_id = new_id()
    connection.execute(
        insert(account).values(
            id=account_id, person_id=sub, identifier=compared, profile=profile, password=phc, created_at=now
        )
    )
    return account_id
