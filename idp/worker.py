"""Background work that no request may wait for: a table of jobs, each done again and again in bounded pieces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from threading import Event
from traceback import format_tb

from idp import clearing
from idp.app import Parts
from idp.clearing import clear_away, end_over, forget
from idp.clients.following import LOOK_EVERY
from idp.clock import Clock
from idp.notices import delivery, reminders, requests
from idp.notices.delivery import Delivery
from idp.notices.outbox import Outbox
from idp.notices.reminders import remind_of_ends
from idp.notices.requests import RecoveryRequests
from idp.notices.texts import texts_of
from idp.oidc.keys.store import KeyStore
from idp.oidc.logout import backchannel
from idp.oidc.logout.backchannel import BackChannel
from idp.oidc.subjects import load_subjects
from idp.oidc.tokens import TokenMint
from idp.settings import Settings
from idp.storage.errors import StorageUnavailable

ROUND_SECONDS = 5.0
"""Between two looks at what is due: about as long as a person waits for a link."""

LOGOUT_SECONDS = 1.0
"""The same for services that are to be told of a session's end: nobody should find it open at the next one."""

_AGAIN = timedelta(minutes=1)
"""After which a job that failed is tried again, unless its turn comes earlier."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """Something done every so often. Several workers may do it at once."""

    name: str
    every: timedelta
    piece: int
    """What one run does at most. One that did as much is followed by the next run at once."""
    run: Callable[[], int]
    """Returns how much it did."""
    outside: bool = False
    """It waits for servers of others: no other job waits for it."""


def jobs_of(settings: Settings, parts: Parts, stop: Event, lanes: Executor) -> tuple[Job, ...]:
    """Return all background work; a job that takes its time looks at ``stop``, or goes on along ``lanes``."""

    @cache
    def mint() -> TokenMint:
        keys = KeyStore(parts.database, parts.keyring, parts.clock)
        lifetime = timedelta(seconds=settings.access_token_lifetime)
        return TokenMint(settings.issuer, keys, lifetime, load_subjects(parts.database, parts.keyring))

    logouts = BackChannel(parts.database, parts.clock, parts.clients, mint, parts.outbound, lanes, stop)
    sending = Delivery(
        parts.database, parts.clock, parts.keyring, parts.plugins.notifiers, texts_of(settings), stop
    )
    outbox = Outbox(parts.keyring, parts.plugins.notifiers)
    remind = partial(remind_of_ends, parts.database, parts.clock, outbox)
    asked = RecoveryRequests(parts.database, parts.clock, parts.keyring, outbox, settings.issuer)
    retention = timedelta(days=settings.retention_days)

    def look() -> int:
        parts.clients.look(parts.clock.now())
        return 0

    def tell() -> int:
        with parts.clients.held():
            return logouts.tell()

    return (
        Job("client files", LOOK_EVERY, 1, look),
        Job("logouts", timedelta(seconds=LOGOUT_SECONDS), backchannel.PIECE, tell),
        Job("ends", timedelta(seconds=ROUND_SECONDS), clearing.PIECE, partial(end_over, parts)),
        Job("forgotten", timedelta(seconds=ROUND_SECONDS), requests.PIECE, asked.answer),
        Job("notices", timedelta(seconds=ROUND_SECONDS), delivery.PIECE, sending.deliver, outside=True),
        Job("clearing away", timedelta(minutes=1), clearing.PIECE, partial(clear_away, parts)),
        Job("reminders", timedelta(hours=1), reminders.PIECE, remind),
        Job("retention", timedelta(hours=1), clearing.PIECE, partial(forget, parts, retention)),
    )


def work(settings: Settings, parts: Parts, stop: Event) -> None:
    """Do every job in its turn until ``stop``; one that fails is tried again and stops no other.

    Each that goes outside has a thread of its own; the others share one.
    """
    with ThreadPoolExecutor(backchannel.LANES, "logout") as lanes:
        jobs = jobs_of(settings, parts, stop, lanes)
        tables = [tuple(job for job in jobs if not job.outside), *((job,) for job in jobs if job.outside)]
        with ThreadPoolExecutor(len(tables), "jobs") as threads:
            for table in as_completed([threads.submit(_until, stop, table, parts.clock) for table in tables]):
                table.result()


def _until(stop: Event, jobs: tuple[Job, ...], clock: Clock) -> None:
    try:
        in_turn(jobs, clock, stop)
    finally:
        # Nobody would do these any more: a worker that ends is started again, half of one is not missed.
        stop.set()


def in_turn(jobs: tuple[Job, ...], clock: Clock, stop: Event) -> None:
    """Do the jobs one after the other, each again and again, until ``stop``."""
    turns: dict[str, tuple[datetime, timedelta]] = {}
    between = min((ROUND_SECONDS, *(job.every.total_seconds() for job in jobs)))
    pause = between
    while not stop.wait(pause):
        now = clock.now()
        pause = between
        for job in jobs:
            last, wait = turns.get(job.name, (now, timedelta(0)))
            # A clock put back must not keep a job waiting for longer than that.
            if timedelta(0) <= now - last < wait:
                continue
            wait = _done(job)
            turns[job.name] = now, wait
            if not wait:
                pause = 0.0


def _done(job: Job) -> timedelta:
    """Run the job and return how long it waits for its next turn."""
    try:
        return job.every if job.run() < job.piece else timedelta(0)
    except StorageUnavailable as error:
        _log.warning("%s: not done: %s", job.name, error)
    except Exception as error:
        # The text of an error may hold what was worked on: who is told what stands in no log.
        _log.error("%s: %s\n%s", job.name, type(error).__name__, "".join(format_tb(error.__traceback__)))
    return min(max(job.every, timedelta(seconds=ROUND_SECONDS)), _AGAIN)
