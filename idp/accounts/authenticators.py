"""Authenticators: sealed secrets, the time step last accepted, and who holds which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update

from idp.accounts import devices
from idp.accounts.identifier import new_id
from idp.rules.person import Match
from idp.storage.keyring import Keyring
from idp.storage.schema import account, authenticator, delegation


@dataclass(frozen=True)
class Held:
    """One confirmed authenticator of an account, secret in the clear: keep it no longer than the comparison."""

    id: str
    delegation_id: str | None
    """``None``: the holder's own."""
    secret: str
    own_password: bool = False
    """The assistant has a password of their own."""


def active(connection: Connection, keyring: Keyring, account_id: str, now: datetime) -> list[Held]:
    """Return who may sign in at ``now``: the holder's authenticators, and those of delegations in force."""
    rows = connection.execute(
        select(
            authenticator.c.id,
            authenticator.c.delegation_id,
            authenticator.c.secret,
            delegation.c.password.is_not(None).label("own_password"),
        )
        .join(account, account.c.id == authenticator.c.account_id)
        .outerjoin(delegation, delegation.c.id == authenticator.c.delegation_id)
        .where(
            authenticator.c.account_id == account_id,
            authenticator.c.secret.is_not(None),
            account.c.disabled_at.is_(None),
            or_(
                authenticator.c.delegation_id.is_(None),
                delegation.c.removed_at.is_(None)
                & (delegation.c.valid_from <= now)
                & or_(delegation.c.valid_until.is_(None), delegation.c.valid_until > now),
            ),
        )
        .order_by(authenticator.c.id)
    ).all()
    return [
        Held(
            row.id,
            row.delegation_id,
            keyring.open(row.secret, bound_to=bound_to(account_id, row.id)).decode(),
            row.own_password,
        )
        for row in rows
    ]


def spend(connection: Connection, match: Match) -> bool:
    """Accept the step of ``match`` once: false when it, or a later one, was accepted before (RFC 6238 §5.2). Atomic."""
    result = connection.execute(
        update(authenticator)
        .where(
            authenticator.c.id == match.authenticator_id,
            authenticator.c.secret.is_not(None),
            or_(authenticator.c.last_step.is_(None), authenticator.c.last_step < match.step),
        )
        .values(last_step=match.step)
    )
    return result.rowcount == 1


def activate(
    connection: Connection, keyring: Keyring, account_id: str, secret: str, step: int | None, now: datetime
) -> bool:
    """Give the account its first authenticator, confirmed by ``step``; false when it already has been activated.

    Devices known until now are forgotten: a password alone made them so, and whoever shows no more than that must not
    spend the codes of known devices.
    """
    first = connection.execute(
        update(account)
        .where(account.c.id == account_id, account.c.activated_at.is_(None), account.c.disabled_at.is_(None))
        .values(activated_at=now)
    )
    if first.rowcount != 1:
        return False
    devices.forget(connection, account_id, of="everybody")
    add(connection, keyring, account_id, None, secret, step, now)
    return True


def add(
    connection: Connection,
    keyring: Keyring,
    account_id: str,
    delegation_id: str | None,
    secret: str,
    step: int | None,
    now: datetime,
) -> str:
    """Add a confirmed authenticator and return its id. ``step`` is the one that confirmed it, spent thereby."""
    row_id = new_id()
    connection.execute(
        insert(authenticator).values(
            id=row_id,
            account_id=account_id,
            delegation_id=delegation_id,
            kind="totp",
            secret=keyring.seal(secret.encode(), bound_to=bound_to(account_id, row_id)),
            last_step=step,
            created_at=now,
        )
    )
    return row_id


def remove_holders(connection: Connection, account_id: str) -> int:
    """Take the secrets of the holder's own phones away and return how many; assistants keep theirs, rows stay."""
    own = (authenticator.c.account_id == account_id) & authenticator.c.delegation_id.is_(None)
    held = update(authenticator).where(own, authenticator.c.secret.is_not(None))
    return connection.execute(held.values(secret=None)).rowcount


def bound_to(account_id: str, row_id: str) -> str:
    """Return what a secret is sealed to."""
    return f"authenticator:{account_id}:{row_id}"
