"""What people are told before a day comes: an assistant's last one, and the first of double authentication."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from idp.accounts.locking import lock_account
from idp.clock import Clock
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.rules.delegation import Window, last_day
from idp.rules.obligation import days_until
from idp.storage.database import Database
from idp.storage.schema import account, delegation, person

PIECE: Final = 100
"""Reminders of one transaction or run at most."""

BEFORE_END: Final = timedelta(days=14)
QUIET: Final = timedelta(days=7)
"""How long nobody is reminded of the day of double authentication again."""


def remind_of_ends(database: Database, clock: Clock, outbox: Outbox) -> int:
    """Tell practitioners which assistants' access ends within 14 days, once for each end; return how many were due.

    Who entered the end within these days knows it: an assistant added for less is passed over. Nobody is marked as told
    while there is no way to tell anybody.
    """
    if not outbox.reaches:
        return 0
    now = clock.now()
    with database.read() as connection:
        rows = connection.execute(
            select(delegation, person.c.name)
            .join(person, person.c.id == delegation.c.person_id)
            .join(account, account.c.id == delegation.c.account_id)
            .where(
                account.c.disabled_at.is_(None),
                delegation.c.removed_at.is_(None),
                delegation.c.valid_until > now,
                delegation.c.valid_until <= now + BEFORE_END,
                delegation.c.reminded_for.is_distinct_from(delegation.c.valid_until),
            )
            .limit(PIECE)
        ).all()
    for row in rows:
        with database.write() as connection:
            _remind_of_end(connection, outbox, row, now)
    return len(rows)


def _remind_of_end(connection: Connection, outbox: Outbox, row: Row[Any], now: datetime) -> None:
    """Mark the end as told of and tell it, unless another worker did so, or the end was changed meanwhile."""
    lock_account(connection, row.account_id)
    marked = connection.execute(
        update(delegation)
        .where(
            delegation.c.id == row.id,
            delegation.c.removed_at.is_(None),
            delegation.c.valid_until == row.valid_until,
            delegation.c.reminded_for.is_distinct_from(row.valid_until),
        )
        .values(reminded_for=row.valid_until)
    )
    last = last_day(Window(row.valid_from, row.valid_until))
    if marked.rowcount == 1 and last and row.created_at < row.valid_until - BEFORE_END:
        outbox.tell(
            connection,
            Notice.ASSISTANT_ENDING,
            row.account_id,
            now,
            who=row.name,
            last=last.isoformat(),
        )


@dataclass(frozen=True)
class Reminded:
    """What came of a piece of accounts."""

    told: int
    unreached: int
    """Without a contact on file: they are asked about again the next time."""


def to_remind_of_day(database: Database, profile: str, now: datetime) -> int:
    """Return how many accounts of the profile have not activated and were not reminded in the last week."""
    with database.read() as connection:
        counted = select(func.count()).select_from(account).where(_unready(profile, now))
        return connection.execute(counted).scalar_one()


def remind_of_day(
    database: Database, clock: Clock, outbox: Outbox, profile: str, day: date
) -> Iterator[Reminded]:
    """Tell those accounts that double authentication is obligatory from ``day`` on, a piece at each step.

    Stopped and begun again, or run twice at once, it tells nobody twice within a week.
    """
    after = ""
    while True:
        now = clock.now()
        unready = select(account.c.id, account.c.mfa_reminded_at).where(
            _unready(profile, now), account.c.id > after
        )
        with database.write() as connection:
            rows = connection.execute(unready.order_by(account.c.id).limit(PIECE)).all()
            outcomes = [_remind_of_day(connection, outbox, row, day, now) for row in rows]
        if not rows:
            return
        yield Reminded(outcomes.count(True), outcomes.count(False))
        after = rows[-1].id


def _remind_of_day(
    connection: Connection, outbox: Outbox, row: Row[Any, Any], day: date, now: datetime
) -> bool | None:
    """Tell one account; false without a contact, ``None`` when it was told, or changed, by somebody else meanwhile."""
    one = update(account).where(account.c.id == row.id)
    unchanged = one.where(
        account.c.activated_at.is_(None), account.c.mfa_reminded_at.is_not_distinct_from(row.mfa_reminded_at)
    )
    if connection.execute(unchanged.values(mfa_reminded_at=now)).rowcount != 1:
        return None
    left = str(days_until(day, now))
    if outbox.tell(connection, Notice.DATE_APPROACHING, row.id, now, date=day.isoformat(), days=left):
        return True
    connection.execute(one.values(mfa_reminded_at=row.mfa_reminded_at))
    return False


def _unready(profile: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        account.c.profile == profile,
        account.c.activated_at.is_(None),
        account.c.disabled_at.is_(None),
        or_(account.c.mfa_reminded_at.is_(None), account.c.mfa_reminded_at <= now - QUIET),
    )
