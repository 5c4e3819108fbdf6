"""Sends what the outbox holds: leased, rendered, handed to its notifier; again later, or given up."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Event as Stop
from traceback import format_tb
from typing import Any, Final

from sqlalchemy import Row, case, select, update

from idp.audit.events import Event, record
from idp.clock import Clock
from idp.notices.kinds import AWAITED, KEPT_TRYING, Notice, dies_at
from idp.notices.outbox import bound_to
from idp.notices.schedule import next_attempt
from idp.notices.texts import Texts
from idp.plugins import Message, NotDelivered, Notifier, Unreachable
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import notice

PIECE: Final = 50
"""Notices of one notifier that one round tries at most, so that awaited ones are looked for in between."""

LEASE: Final = timedelta(minutes=10)
"""How long a notice is one worker's alone; longer than any attempt, which the notifiers bound."""

_WAITING = notice.c.sent_at.is_(None) & notice.c.given_up_at.is_(None)
_OVERTAKES = case((notice.c.kind.in_([kind.value for kind in AWAITED]), 0), else_=1)
_log = logging.getLogger(__name__)


class _TooLate(Exception):
    """What the notice says is of no use any more."""


class Delivery:
    """Hands notices to their notifiers. Several workers may do so at once: each attempt is one worker's.

    A worker that dies between the hand-over and its note of it leaves the lease to run out; the notice is then sent
    once more, under the same ``Message.id``.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keyring: Keyring,
        notifiers: Mapping[str, Notifier],
        texts: Texts,
        stop: Stop,
    ) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._notifiers = dict(notifiers)
        self._texts = texts
        self._stop = stop

    def deliver(self) -> int:
        """Try every notice that is due, a bounded piece for each notifier, and return how many were seen.

        What a notifier or a template does wrong is noted of that one notice. Raises ``StorageUnavailable``.
        """
        seen = sum(self._by(name, notifier) for name, notifier in self._notifiers.items())
        return seen + self._of_nobody()

    def _by(self, name: str, notifier: Notifier) -> int:
        seen = 0
        for row in self._due(name):
            if self._stop.is_set():
                break
            seen += 1
            if self._leased(row) and not self._attempt(row, notifier):
                break
        return seen

    def _due(self, name: str) -> list[Row[Any]]:
        due = select(notice).where(_WAITING, notice.c.notifier == name, notice.c.due_at <= self._clock.now())
        with self._database.read() as connection:
            return list(connection.execute(due.order_by(_OVERTAKES, notice.c.due_at).limit(PIECE)))

    def _leased(self, row: Row[Any]) -> bool:
        """Take the next attempt: one worker alone moves ``attempts`` on from what all of them read."""
        until = self._clock.now() + LEASE
        return self._change(row.id, row.attempts, {"due_at": until, "attempts": row.attempts + 1})

    def _attempt(self, row: Row[Any], notifier: Notifier) -> bool:
        """Send a leased notice and note what came of it; false when its notifier need not be tried further now."""
        last = row.created_at + KEPT_TRYING
        try:
            kind = Notice(row.kind)
            values = json.loads(self._keyring.open(row.content, bound_to=bound_to(row.id)))
            death = dies_at(kind, row.created_at, values)
            if death is not None and self._clock.now() >= death:
                raise _TooLate
            last = death or last
            notifier.send(self._message(row, kind, values))
        except _TooLate:
            self._give_up(row, row.attempts + 1, "expired")
        except NotDelivered as refusal:
            _log.warning("notice %s (%s by %s): %s", row.id, row.kind, row.notifier, refusal)
            self._postpone(row, last, permanent=refusal.permanent)
            return not isinstance(refusal, Unreachable)
        except Exception as error:
            # The text of an error may hold what the notice says, or to whom.
            where = "".join(format_tb(error.__traceback__))
            _log.error(
                "notice %s (%s by %s): %s\n%s", row.id, row.kind, row.notifier, type(error).__name__, where
            )
            self._postpone(row, last, permanent=False)
        else:
            self._change(row.id, row.attempts + 1, {"sent_at": self._clock.now(), "content": ""})
        return True

    def _message(self, row: Row[Any], kind: Notice, values: Mapping[str, str]) -> Message:
        said = self._texts.render(kind, row.language, values, row.created_at)
        return Message(
            id=row.id,
            kind=row.kind,
            recipient=row.recipient,
            language=said.language,
            subject=said.subject,
            text=said.text,
            html=said.html,
            created_at=row.created_at,
            sent_at=self._clock.now(),
        )

    def _postpone(self, row: Row[Any], last: datetime, *, permanent: bool) -> None:
        again = None if permanent else next_attempt(row.attempts + 1, self._clock.now(), last)
        if again is None:
            self._give_up(row, row.attempts + 1, "refused" if permanent else "undeliverable")
        else:
            self._change(row.id, row.attempts + 1, {"due_at": again})

    def _give_up(self, row: Row[Any], attempts: int, why: str) -> None:
        now = self._clock.now()
        told = {"notice": row.id, "kind": row.kind, "notifier": row.notifier, "why": why}
        with self._database.write() as connection:
            waiting = update(notice).where(notice.c.id == row.id, notice.c.attempts == attempts, _WAITING)
            if connection.execute(waiting.values(given_up_at=now, content="")).rowcount == 1:
                record(connection, Event.NOTICE_GIVEN_UP, now, account_id=row.account_id, detail=told)
                _log.warning("notice %s (%s by %s): given up, %s", row.id, row.kind, row.notifier, why)

    def _of_nobody(self) -> int:
        """Give up what waits for a notifier that the settings no longer name."""
        long_ago = notice.c.created_at <= self._clock.now() - KEPT_TRYING
        orphans = select(notice).where(_WAITING, notice.c.notifier.not_in(self._notifiers), long_ago)
        with self._database.read() as connection:
            rows = list(connection.execute(orphans.limit(PIECE)))
        for row in rows:
            self._give_up(row, row.attempts, "no notifier")
        return len(rows)

    def _change(self, notice_id: str, attempts: int, values: Mapping[str, object]) -> bool:
        """Change a notice that still waits and that nobody has tried since; tell whether it was."""
        waiting = update(notice).where(notice.c.id == notice_id, notice.c.attempts == attempts, _WAITING)
        with self._database.write() as connection:
            return connection.execute(waiting.values(values)).rowcount == 1
