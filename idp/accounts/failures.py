"""Counters of failed attempts: durable, exact whatever runs at the same time, judged before anything is compared."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, case, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.rules.throttle import FORGOTTEN_AFTER, delay_after
from idp.storage.schema import failure

Guess = Literal["password", "code"]


def counter(guess: Guess, subject: str) -> str:
    """Return the counter's key: the password's by comparable identifier, existing or not; the code's by account."""
    return f"{guess}:{hashlib.sha256(subject.encode()).hexdigest()}"


def begin(connection: Connection, key: str, now: datetime) -> timedelta | None:
    """Count an attempt as failed before it is judged, so that parallel guesses are each counted.

    Returns ``None`` when the attempt may be judged, or how long to wait: then it is neither judged nor counted.
    """
    count: int | None = connection.execute(_upsert(connection, key, now)).scalar_one_or_none()
    if count is None:
        wait_until: datetime = connection.execute(
            failure.select().with_only_columns(failure.c.wait_until).where(failure.c.key == key)
        ).scalar_one()
        return max(wait_until - now, timedelta(seconds=1))
    delay = delay_after(count)
    if delay:
        connection.execute(update(failure).where(failure.c.key == key).values(wait_until=now + delay))
    return None


def forgive(connection: Connection, key: str, now: datetime) -> None:
    """Take back the attempt just begun: it was no guess."""
    connection.execute(
        update(failure)
        .where(failure.c.key == key, failure.c.count > 0)
        .values(count=failure.c.count - 1, wait_until=now)
    )


def reset(connection: Connection, key: str) -> None:
    """Forget the failures: the right answer was given."""
    connection.execute(delete(failure).where(failure.c.key == key))


def _upsert(connection: Connection, key: str, now: datetime) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(failure).values(key=key, count=1, wait_until=now)
    return statement.on_conflict_do_update(
        index_elements=[failure.c.key],
        set_={"count": case((failure.c.wait_until <= now - FORGOTTEN_AFTER, 1), else_=failure.c.count + 1)},
        where=failure.c.wait_until <= now,
    ).returning(failure.c.count)
