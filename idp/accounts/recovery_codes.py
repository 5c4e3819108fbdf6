"""Recovery codes: ten for the holder of an account, each good once, all of them replaced together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from idp.accounts.identifier import new_id
from idp.accounts.locking import lock_account
from idp.accounts.one_time_codes import RECOVERY, fits, kept_form
from idp.storage.keyring import Keyring
from idp.storage.schema import recovery_code

HOW_MANY = 10


def renew(connection: Connection, keyring: Keyring, account_id: str, now: datetime) -> list[str]:
    """Give the account fresh codes and return them as they are printed; the old ones die.

    The account's row is locked first, so that of codes made in parallel only the last set stays.
    """
    lock_account(connection, account_id)
    forget(connection, account_id)
    codes: dict[str, None] = {}
    while len(codes) < HOW_MANY:
        codes[RECOVERY.new()] = None
    rows = [
        {
            "id": new_id(),
            "account_id": account_id,
            "digest": kept_form(keyring, RECOVERY, account_id, code.replace("-", "")),
            "created_at": now,
        }
        for code in codes
    ]
    connection.execute(insert(recovery_code), rows)
    return list(codes)


def found(connection: Connection, keyring: Keyring, account_id: str, code: str) -> str | None:
    """Return the id of the unused code that a normalised ``code`` is, or ``None``. It stays unused."""
    rows = connection.execute(
        select(recovery_code.c.id, recovery_code.c.digest).where(
            recovery_code.c.account_id == account_id, recovery_code.c.used_at.is_(None)
        )
    ).all()
    fitting = [row.id for row in rows if fits(keyring, RECOVERY, account_id, code, row.digest)]
    return fitting[0] if fitting else None


def spend(connection: Connection, account_id: str, code_id: str, now: datetime) -> bool:
    """Use the code: true for exactly one caller."""
    result = connection.execute(
        update(recovery_code)
        .where(
            recovery_code.c.id == code_id,
            recovery_code.c.account_id == account_id,
            recovery_code.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return result.rowcount == 1


def left(connection: Connection, account_id: str) -> int:
    """Return how many codes are unused."""
    unused = (recovery_code.c.account_id == account_id) & recovery_code.c.used_at.is_(None)
    return connection.execute(select(func.count()).select_from(recovery_code).where(unused)).scalar_one()


def forget(connection: Connection, account_id: str) -> None:
    """Leave the account without codes."""
    connection.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
