"""Whether the process lives (``/healthz``), and whether it may be given people (``/readyz``)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from flask import Blueprint, Response

from idp.clients.following import MOST_TOLD
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.configuration import ConfigurationError
from idp.rules.clocks import MAX_SKEW, believable, skew
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore
from idp.storage.errors import StorageUnavailable
from idp.storage.migrate import pending

_KEPT = timedelta(seconds=1)
"""How long an answer is given again: whoever asks more often costs nothing."""

_log = logging.getLogger(__name__)


class Readiness:
    """Looks at what every sign-in needs: the database with its tables, the short-lived store, the right time."""

    def __init__(self, database: Database, ephemeral: EphemeralStore, clock: Clock) -> None:
        self._database = database
        self._ephemeral = ephemeral
        self._clock = clock
        self._looking = Lock()
        self._last: tuple[datetime, tuple[str, ...]] | None = None
        self._migrated = False

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong, one line each, nothing secret in them; empty: ready. Each look that finds any alarms.

        While one caller looks, the others get the last answer: a store that does not answer holds up one thread only.
        """
        if not self._looking.acquire(blocking=self._last is None):
            return self._last[1] if self._last else ()
        try:
            now = self._clock.now()
            if self._last is None or abs(now - self._last[0]) >= _KEPT:
                found = tuple(self._look())
                if found:
                    _log.error("not ready: %s", "; ".join(found))
                self._last = (now, found)
            return self._last[1]
        finally:
            self._looking.release()

    def _look(self) -> list[str]:
        faults = []
        try:
            # Once applied they stay so for this version: a later one may change tables before this process ends.
            self._migrated = self._migrated or not pending(self._database)
            if not self._migrated:
                faults.append("database: tables of this version are missing (idp db upgrade)")
        except StorageUnavailable:
            faults.append("database: not reachable")
        try:
            self._ephemeral.ping()
        except StorageUnavailable:
            faults.append("ephemeral store: not reachable")
        return faults or self._clock_fault()

    def _clock_fault(self) -> list[str]:
        """Compare with the database's server; with SQLite, which has our clock, with Redis's if there is one."""
        witnesses: list[tuple[str, Callable[[], datetime | None]]] = [
            ("database", self._database.server_time),
            ("ephemeral store", self._ephemeral.server_time),
        ]
        for whose, server_time in witnesses:
            before = self._clock.now()
            try:
                there = server_time()
            except StorageUnavailable:
                return [f"{whose}: not reachable"]
            if there is None:
                continue
            after = self._clock.now()
            if believable(before, there, after):
                return []
            seconds = skew(before, there, after).total_seconds()
            where = "ahead of" if seconds > 0 else "behind"
            limit = MAX_SKEW.total_seconds()
            return [f"clock: {abs(seconds):.0f} s {where} the {whose}'s, {limit:.0f} s at most is expected"]
        return []


def health_blueprint(readiness: Readiness, clients: ClientRegistry) -> Blueprint:
    """Return the addresses ``/healthz`` and ``/readyz``: plain text, no cookie, no session."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return _plain("ok")

    @blueprint.get("/readyz")
    def readyz() -> Response:
        faults = readiness.faults()
        if not faults:
            return _plain("ready", *_not_taken(clients))
        response = _plain("not ready", *faults)
        response.status_code = 503
        response.headers["Retry-After"] = "5"
        return response

    return blueprint


def _not_taken(clients: ClientRegistry) -> list[str]:
    """Return what is wrong in the client files while the last good ones serve: no reason to send people elsewhere.

    Anybody may read it: a file is named without its folder, as the log does not.
    """
    errors = clients.not_taken
    if not errors:
        return []
    lines = [str(ConfigurationError(Path(one.path).name, *one.args[1:])) for one in errors[:MOST_TOLD]]
    more = [f"and {len(errors) - MOST_TOLD} more"] if len(errors) > MOST_TOLD else []
    return ["client files: not taken, the last good ones go on serving:", *lines, *more]


def _plain(*lines: str) -> Response:
    return Response("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")
