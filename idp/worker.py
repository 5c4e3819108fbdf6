"""Background work that no request may wait for: a table of jobs, each done again and again in bounded pieces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from traceback import format_tb

from idp import clearing
from idp.app import Parts
from idp.clearing import clear_away, forget
from idp.notices import delivery, reminders, requests
from idp.notices.delivery import Delivery
from idp.notices.outbox import Outbox
from idp.notices.reminders import remind_of_ends
from idp.notices.requests import RecoveryRequests
from idp.notices.texts import texts_of
from idp.settings import Settings
from idp.storage.errors import StorageUnavailable

ROUND_SECONDS = 5.0
"""Between two looks at what is due: about as long as a person waits for a link."""

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


def jobs_of(settings: Settings, parts: Parts, stop: Event) -> tuple[Job, ...]:
    """Return all background work; a job that takes its time looks at ``stop``."""
    sending = Delivery(
        parts.database, parts.clock, parts.keyring, parts.plugins.notifiers, texts_of(settings), stop
    )
    outbox = Outbox(parts.keyring, parts.plugins.notifiers)
    ends = partial(remind_of_ends, parts.database, parts.clock, outbox)
    asked = RecoveryRequests(parts.database, parts.clock, parts.keyring, outbox, settings.issuer)
    retention = timedelta(days=settings.retention_days)
    return (
        Job("forgotten", timedelta(seconds=ROUND_SECONDS), requests.PIECE, asked.answer),
        Job("notices", timedelta(seconds=ROUND_SECONDS), delivery.PIECE, sending.deliver),
        Job("clearing away", timedelta(minutes=1), clearing.PIECE, partial(clear_away, parts)),
        Job("reminders", timedelta(hours=1), reminders.PIECE, ends),
        Job("retention", timedelta(hours=1), clearing.PIECE, partial(forget, parts, retention)),
    )


def work(settings: Settings, parts: Parts, stop: Event) -> None:
    """Do every job in its turn until ``stop``; one that fails is tried again and stops no other."""
    jobs = jobs_of(settings, parts, stop)
    turns: dict[str, datetime] = {}
    pause = ROUND_SECONDS
    while not stop.wait(pause):
        now = parts.clock.now()
        pause = ROUND_SECONDS
        for job in jobs:
            # A clock put back must not keep a job waiting for longer than its interval.
            if timedelta(0) < turns.get(job.name, now) - now <= job.every:
                continue
            after = _done(job)
            turns[job.name] = now + after
            if not after:
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
    return min(job.every, _AGAIN)
