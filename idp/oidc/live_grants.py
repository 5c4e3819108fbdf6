"""What stands behind an access token now: its grant and its party, for userinfo and introspection alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from idp.accounts.grants import Grant, live_party
from idp.accounts.party import Party
from idp.clock import Clock
from idp.storage.database import Database
from idp.storage.schema import account, delegation, person, token_grant

_MOST = 4_096
"""Grants known at a time: a few megabytes."""


@dataclass(frozen=True)
class _Known:
    """What a look found, and when it began."""

    found: tuple[Grant, Party]
    since: datetime

    def holds(self, now: datetime, lag: timedelta) -> bool:
        grant, party = self.found
        in_force = party.actor is None or party.actor.window.holds(now)
        return self.since <= now < min(self.since + lag, grant.expires_at) and in_force


class LiveGrants:
    """Looks grants up, and knows what it found for ``lag``: so late may it learn what another process changed.

    What this process changes counts at once: its write tells this object before it returns. Whether somebody is still
    admitted is asked by the caller each time, with the present moment.
    """

    def __init__(self, database: Database, clock: Clock, lag: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._lag = lag
        self._lock = Lock()
        self._known: dict[str, _Known] = {}
        self._changes = 0
        if lag:
            database.on_change([token_grant, account, person, delegation], self._forget)

    def of(self, grant_id: str) -> tuple[Grant, Party] | None:
        """Return the grant with its party, or ``None`` when either no longer counts. At most one statement.

        Its refresh generation may be an older one: a rotation changes nobody.
        """
        now = self._clock.now()
        known = self._known.get(grant_id)
        if known is not None and known.holds(now, self._lag):
            return known.found
        changes = self._changes
        with self._database.read() as connection:
            found = live_party(connection, grant_id, now)
        if found is not None and self._lag:
            self._keep(grant_id, _Known(found, now), changes)
        return found

    def _keep(self, grant_id: str, known: _Known, changes: int) -> None:
        with self._lock:
            if changes != self._changes:
                return  # What was found may have changed between the look and now.
            if len(self._known) >= _MOST:
                self._known = {}
            self._known[grant_id] = known

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._known = {}
