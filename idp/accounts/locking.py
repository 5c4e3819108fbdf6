"""The one lock of an account, which whoever writes more than one row of it takes before anything else."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from idp.storage.schema import account, delegation, signed_in_session


def lock_account(connection: Connection, account_id: str) -> None:
    """Hold the account's row to the end of the transaction; of an account that is no more nothing is held.

    Call it before the first write, and for several accounts in the order of their ids: two transactions that take the
    same rows in two orders wait in a ring, and PostgreSQL ends one of them. On SQLite writers take turns anyway.
    """
    connection.execute(select(account.c.id).where(account.c.id == account_id).with_for_update())


def lock_practice(connection: Connection, *account_ids: str) -> None:
    """Hold the accounts, and those where an assistant is signed in by one of them: what ends here ends there too.

    To be called with no account held. Who signs in that way holds both, so that none comes once this has returned; for
    one that came while this waited, the locks are given back and taken again in the order of the ids.
    """
    while True:
        wanted = {*account_ids, *_signed_in_from(connection, account_ids)}
        turn = connection.begin_nested()
        for one in sorted(wanted):
            lock_account(connection, one)
        if wanted.issuperset(_signed_in_from(connection, account_ids)):
            turn.commit()
            return
        turn.rollback()


def _signed_in_from(connection: Connection, account_ids: Collection[str]) -> Collection[str]:
    rows = connection.execute(
        select(signed_in_session.c.account_id)
        .join(delegation, delegation.c.id == signed_in_session.c.via_delegation_id)
        .where(delegation.c.account_id.in_(account_ids))
    )
    return rows.scalars().all()
