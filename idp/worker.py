"""Background work that no request may wait for: what is over is cleared away, a bounded piece at a time."""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event

from sqlalchemy import delete, select

from idp.app import Parts
from idp.rules.throttle import FORGOTTEN_AFTER
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import ended_session, failure, token_grant

INTERVAL_SECONDS = 60.0
LONGEST_SESSION = timedelta(days=8)
"""How long an ended session is remembered: longer than any session, or code, may live by the settings."""

_PIECE = 1_000
_log = logging.getLogger(__name__)


def clear_away(parts: Parts) -> int:
    """Delete short-lived values and grants that are over, and return how many. Several workers may do so at once."""
    cleared = parts.ephemeral.purge() if isinstance(parts.ephemeral, SqlEphemeralStore) else 0
    over = select(token_grant.c.id).where(token_grant.c.expires_at <= parts.clock.now()).limit(_PIECE)
    forgotten = parts.clock.now() - LONGEST_SESSION
    long_ended = select(ended_session.c.sid).where(ended_session.c.ended_at <= forgotten).limit(_PIECE)
    quiet = failure.c.wait_until <= parts.clock.now() - FORGOTTEN_AFTER
    past = select(failure.c.key).where(quiet).limit(_PIECE)
    with parts.database.write() as connection:
        cleared += connection.execute(delete(failure).where(failure.c.key.in_(past), quiet)).rowcount
        cleared += connection.execute(delete(token_grant).where(token_grant.c.id.in_(over))).rowcount
        cleared += connection.execute(
            delete(ended_session).where(ended_session.c.sid.in_(long_ended))
        ).rowcount
    return cleared


def work(parts: Parts, stop: Event) -> None:
    """Clear away once a minute until ``stop``; a store that is down is tried again at the next round."""
    while not stop.wait(INTERVAL_SECONDS):
        try:
            clear_away(parts)
        except StorageUnavailable as error:
            _log.warning("nothing cleared away: %s", error)
