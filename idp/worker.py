"""Background work that no request may wait for: what is over is cleared away, a bounded piece at a time."""

from __future__ import annotations

from threading import Event

from sqlalchemy import delete, select

from idp.app import Parts
from idp.storage.ephemeral_sql import SqlEphemeralStore
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import token_grant

INTERVAL_SECONDS = 60.0
_PIECE = 1_000


def clear_away(parts: Parts) -> int:
    """Delete short-lived values and grants that are over, and return how many. Several workers may do so at once."""
    cleared = parts.ephemeral.purge() if isinstance(parts.ephemeral, SqlEphemeralStore) else 0
    over = select(token_grant.c.id).where(token_grant.c.expires_at <= parts.clock.now()).limit(_PIECE)
    with parts.database.write() as connection:
        cleared += connection.execute(delete(token_grant).where(token_grant.c.id.in_(over))).rowcount
    return cleared


def work(parts: Parts, stop: Event) -> None:
    """Clear away once a minute until ``stop``; a store that is down is tried again at the next round."""
    while not stop.wait(INTERVAL_SECONDS):
        try:
            clear_away(parts)
        except StorageUnavailable:
            continue
