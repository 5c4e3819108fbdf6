"""What is over ends, or is deleted, a bounded piece at a time: short-lived rows soon, history after the retention."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, delete, exists, or_, select

from idp.accounts import failures, sessions
from idp.app import Parts
from idp.audit.events import Event, record
from idp.storage.database import Database
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.schema import (
    activation_code,
    audit_event,
    backchannel_logout,
    ended_session,
    failure,
    journal_entry,
    notice,
    revoked_token,
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


def end_over(parts: Parts) -> int:
    """End the sessions of assistants whose time is over, so that services are told; return of how many assistants.

    Nobody enters by them any more in any case: whoever asks looks at the delegation.
    """
    now = parts.clock.now()
    with parts.database.read() as connection:
        found = sessions.of_those_over(connection, now, PIECE)
    for delegation_id, account_id in found:
        with parts.database.write() as connection:
            if ended := sessions.end_over(connection, account_id, delegation_id, now):
                detail = {"of": delegation_id, "sessions": ended, "why": "the delegation is over"}
                record(connection, Event.SESSION_ENDED, now, account_id=account_id, detail=detail)
    return len(found)


def clear_away(parts: Parts) -> int:
    """Delete what opens nothing any more, and return how much. Several workers may do so at once."""
    cleared = parts.ephemeral.purge() if isinstance(parts.ephemeral, SqlEphemeralStore) else 0
    now = parts.clock.now()
    return cleared + _delete(
        parts.database,
        (
            (failure.c.key, failures.quiet(now)),
            (token_grant.c.id, token_grant.c.expires_at <= now),
            (revoked_token.c.jti, revoked_token.c.expires_at <= now),
            (ended_session.c.sid, ended_session.c.ended_at <= now - LONGEST_SESSION),
            (signed_in_session.c.sid, sessions.nothing_left(now)),
            (single_use_link.c.token, single_use_link.c.expires_at <= now),
            (activation_code.c.account_id, activation_code.c.expires_at <= now),
        ),
    )


def forget(parts: Parts, retention: timedelta) -> int:
    """Delete history that is older than the retention, and return how much. What is still to be told stays.

    So do the services that a session reached which may still be open: at its end they are told by these lines.
    """
    past: datetime = parts.clock.now() - retention
    told, given_up = backchannel_logout.c.sent_at, backchannel_logout.c.given_up_at
    finished = or_(notice.c.sent_at.is_not(None), notice.c.given_up_at.is_not(None))
    settled = or_(told.is_not(None), given_up.is_not(None))
    stands = exists().where(signed_in_session.c.sid == journal_entry.c.sid)
    return _delete(
        parts.database,
        (
            (audit_event.c.id, audit_event.c.at <= past),
            (journal_entry.c.id, (journal_entry.c.at <= past) & ~stands),
            (notice.c.id, finished & (notice.c.created_at <= past)),
            (backchannel_logout.c.id, settled & (backchannel_logout.c.created_at <= past)),
        ),
    )


def _delete(database: Database, tables: Iterable[Over]) -> int:
    deleted = 0
    for key, over in tables:
        # Whoever holds a row may wait for another of the piece: what is held now goes at a later turn.
        piece = select(key).where(over).limit(PIECE).with_for_update(skip_locked=True)
        with database.write() as connection:
            deleted += connection.execute(delete(key.table).where(key.in_(piece), over)).rowcount
    return deleted
