"""Accounts by what a person types, their passwords, and new accounts."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from idp.accounts import grants
from idp.accounts.identifier import comparable, new_id
from idp.accounts.locking import lock_practice
from idp.storage.schema import account, person

NO_PASSWORD = "!"  # noqa: S105
"""Stored where an account has no password yet: no hash, so that nothing fits it."""


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


def replace_password(connection: Connection, account_id: str, before: str, phc: str) -> bool:
    """Store a new PHC string in the place of ``before``; false when that was changed meanwhile. Atomic."""
    mine = (account.c.id == account_id) & (account.c.password == before) & account.c.disabled_at.is_(None)
    return connection.execute(update(account).where(mine).values(password=phc)).rowcount == 1


def count_from(connection: Connection, account_id: str, moment: datetime) -> None:
    """Let nothing that anybody proved at the account before ``moment`` count any more; never less than was so."""
    earlier = account.c.not_before.is_(None) | (account.c.not_before < moment)
    connection.execute(update(account).where(account.c.id == account_id, earlier).values(not_before=moment))


def email_key(attributes: Mapping[str, object]) -> str | None:
    """Return what ``person.email_key`` holds for a person's attributes, ``None`` without an e-mail address.

    The address itself stands in JSON, which neither database finds among 250,000 rows without reading them all.
    """
    email = attributes.get("email")
    folded = unicodedata.normalize("NFKC", email).strip().casefold() if isinstance(email, str) else ""
    return hashlib.sha256(folded.encode()).hexdigest() if folded else None


def with_email(connection: Connection, key: str) -> Sequence[str]:
    """Return the accounts, not disabled, whose holder has the e-mail address of an :func:`email_key`."""
    return (
        connection.execute(
            select(account.c.id)
            .join(person, person.c.id == account.c.person_id)
            .where(person.c.email_key == key, account.c.disabled_at.is_(None))
            .order_by(account.c.id)
        )
        .scalars()
        .all()
    )


def set_disabled(connection: Connection, account_id: str, now: datetime | None) -> None:
    """Disable the account from ``now`` on, or enable it again with ``None``; its earlier sessions stay ended."""
    one = update(account).where(account.c.id == account_id)
    if now is None:
        connection.execute(one.values(disabled_at=None))
        return
    lock_practice(connection, account_id)
    grants.revoke_account(connection, account_id, now)
    connection.execute(one.values(disabled_at=now, not_before=now))


def add_person(
    connection: Connection, name: str, now: datetime, attributes: Mapping[str, object] | None = None
) -> str:
    """Add a person and return their subject."""
    sub = new_id()
    connection.execute(
        insert(person).values(
            id=sub,
            name=name,
            attributes=dict(attributes or {}),
            email_key=email_key(attributes or {}),
            created_at=now,
        )
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
