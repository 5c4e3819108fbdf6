"""The phone of an account's holder, replaced or taken away, with everything that ends by it. Assistants go on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from idp.accounts import authenticators, devices, recovery_codes, sessions
from idp.accounts.locking import lock_account
from idp.storage.keyring import Keyring
from idp.storage.schema import account


def replace(
    connection: Connection,
    keyring: Keyring,
    account_id: str,
    secret: str,
    step: int,
    now: datetime,
    *,
    proved_since: datetime | None = None,
    but: str | None = None,
) -> None:
    """Make the phone that showed a code at ``step`` the holder's only one, and end the holder's sessions but ``but``.

    What the holder proved before ``proved_since`` counts no longer. Whoever calls has used up, in the same
    transaction, what only one caller can: a code from paper, or a step of the old phone; before that they lock the
    account, so that of two in parallel one finds the other's phone and removes it.
    """
    lock_account(connection, account_id)
    authenticators.remove_holders(connection, account_id)
    authenticators.add(connection, keyring, account_id, None, secret, step, now)
    sessions.end_all(connection, account_id, now, of="holder", but=but)
    if proved_since is not None:
        _forget_proofs(connection, account_id, proved_since)


def reset(connection: Connection, account_id: str, now: datetime) -> int:
    """Take the holder's phone, recovery codes, sessions and known devices away; return how many phones there were.

    The account stays activated: its password alone opens nothing.
    """
    lock_account(connection, account_id)
    removed = authenticators.remove_holders(connection, account_id)
    recovery_codes.forget(connection, account_id)
    sessions.end_all(connection, account_id, now, of="holder")
    devices.forget(connection, account_id, of="holder")
    _forget_proofs(connection, account_id, now)
    return removed


def _forget_proofs(connection: Connection, account_id: str, before: datetime) -> None:
    connection.execute(update(account).where(account.c.id == account_id).values(holder_not_before=before))
