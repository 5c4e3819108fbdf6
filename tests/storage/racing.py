"""Many callers at the same moment, and one that comes to a lock while another holds it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from sqlalchemy import Connection, text

from idp.accounts.locking import lock_account
from idp.storage.database import Database
from tests.waiting import wait_until

Result = TypeVar("Result")


def race(count: int, action: Callable[[int], Result]) -> list[Result]:
    """Call ``action(0)`` … ``action(count - 1)``, each in a thread, all at once; return what they gave."""
    barrier = Barrier(count)

    def runner(number: int) -> Result:
        barrier.wait(timeout=20)
        return action(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(runner, range(count)))


def overtaken(
    database: Database, account_id: str, late: Callable[[], Result], early: Callable[[Connection], object]
) -> Result:
    """Lock the account on PostgreSQL, let ``late`` wait at it, do ``early`` under the lock; return what ``late`` gave.

    Whatever ``late`` wrote before it came to the lock ``early`` waits for: PostgreSQL then ends one of the two.
    """
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            lock_account(connection, account_id)
            waiting = pool.submit(late)
            wait_until(lambda: _somebody_waits(database), "nobody came to the lock", seconds=12)
            early(connection)
        return waiting.result(timeout=20)


def _somebody_waits(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())
