"""What is over is deleted, a bounded piece at a time: short-lived rows soon, history after the retention."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, delete, or_, select

from idp.accounts import failures, sessions
from idp.app import Parts
from idp.storage.database import Database
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.schema import (
    activation_code,
    audit_event,
    ended_session,
    failure,
    journal_entry,
    notice,
    signed_in_session,
    single_use_link,
    token_grant,
)

PIECE = 1_000
"""Rows of a table that one run deletes at most."""

LONGEST_SESSION = timedelta(days=8)
"""How long an ended session is remembered: longer than any session, or code, may live by the settings."""

Over: TypeAlias = tuple[Column[Any], ColumnElement[bool]]
"""A table's key, and which of its rows are over."""


def clear_away(parts: Parts) -> int:
    """Delete what opens nothing any more, and return how much. Several workers may do so at once."""
    cleared = parts.ephemeral.purge() if isinstance(parts.ephemeral, SqlEphemeralStore) else 0
    now = parts.clock.now()
    return cleared + _delete(
        parts.database,
        (
            (failure.c.key, failures.quiet(now)),
            (token_grant.c.id, token_grant.c.expires_at <= now),
            (ended_session.c.sid, ended_session.c.ended_at <= now - LONGEST_SESSION),
            (signed_in_session.c.sid, sessions.nothing_left(now)),
            (single_use_link.c.token, single_use_link.c.expires_at <= now),
            (activation_code.c.account_id, activation_code.c.expires_at <= now),
        ),
    )


def forget(parts: Parts, retention: timedelta) -> int:
    """Delete history that is older than the retention, and return how much. A notice still to be sent stays."""
    past: datetime = parts.clock.now() - retention
    finished = or_(notice.c.sent_at.is_not(None), notice.c.given_up_at.is_not(None))
    return _delete(
        parts.database,
        (
            (audit_event.c.id, audit_event.c.at <= past),
            (journal_entry.c.id, journal_entry.c.at <= past),
            (notice.c.id, finished & (notice.c.created_at <= past)),
        ),
    )


def _delete(database: Database, tables: Iterable[Over]) -> int:
    deleted = 0
    for key, over in tables:
        piece = select(key).where(over).limit(PIECE)
        with database.write() as connection:
            deleted += connection.execute(delete(key.table).where(key.in_(piece), over)).rowcount
    return deleted
