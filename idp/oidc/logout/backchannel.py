"""Tells services that a session ended (Back-Channel Logout 1.0): leased, signed, posted; again later, or given up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from threading import Event as Stop
from threading import Lock
from traceback import format_tb
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, delete, select, update

from idp.accounts.logouts import WAITING
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.oidc.keys.rotation import SHORTEST_LEAD
from idp.oidc.tokens import TokenMint
from idp.outbound import NotReached, Outbound
from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import account, backchannel_logout

LANES: Final = 8
"""Services that are told at the same time."""

PIECE: Final = 100
"""Lines that one look finds at most."""

LEASE: Final = timedelta(minutes=1)
"""How long a line is one worker's alone; longer than any call."""

KEPT_TRYING: Final = timedelta(days=1)
LIFETIME: Final = timedelta(minutes=2)
"""Of a logout token, the longest that §2.4 recommends."""

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

UNADDRESSED_KEPT: Final = timedelta(hours=1)
"""How long what is for a service without an address waits: this process may know the client files of yesterday only."""

_FIRST_DELAY: Final = timedelta(seconds=5)
_LAST_DELAY: Final = timedelta(hours=4)
_REST: Final = timedelta(minutes=1)
"""How long a service that was not reached is left alone, but for what is new."""

_BAD_REQUEST: Final = 400
_log = logging.getLogger(__name__)


class BackChannel:
    """Empties the outbox along one lane for each service: a slow or dead one holds up nobody else.

    Several workers may do so at once: each attempt is one worker's. One that dies between the answer and its note of it
    leaves the lease to run out; the service is then told once more, under the same ``jti``.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        clients: ClientRegistry,
        mint: Callable[[], TokenMint],
        outbound: Outbound,
        lanes: Executor,
        stop: Stop,
    ) -> None:
        """``mint`` gives the keys that sign now; it is asked once for each look that finds something."""
        self._database = database
        self._clock = clock
        self._clients = clients
        self._mint = mint
        self._outbound = outbound
        self._lanes = lanes
        self._stop = stop
        self._busy: set[str] = set()
        self._guard = Lock()

    def tell(self) -> int:
        """Set out to every service that something is due for, wait for none, and return how many lines were found.

        Raises ``StorageUnavailable``.
        """
        addressed = {one.client_id: one for one in self._clients if one.backchannel_logout_uri is not None}
        found = self._due(addressed)
        self._forget([row.id for row in found if row.client_id not in addressed])
        if addressed:
            mint = self._mint()
            lines = sorted((row for row in found if row.client_id in addressed), key=attrgetter("client_id"))
            for client_id, rows in groupby(lines, attrgetter("client_id")):
                with self._guard:
                    self._busy.add(client_id)
                self._lanes.submit(self._along, addressed[client_id], mint, list(rows))
        return len(found)

    def _due(self, addressed: Collection[str]) -> Sequence[Row[Any]]:
        """Return what is due for those who have an address, and what waits for the others for too long."""
        now = self._clock.now()
        with self._guard:
            busy = sorted(self._busy)
        nowhere = backchannel_logout.c.client_id.not_in(sorted(addressed))
        due = (
            select(backchannel_logout, account.c.person_id)
            .outerjoin(account, account.c.id == backchannel_logout.c.account_id)
            .where(WAITING, backchannel_logout.c.due_at <= now)
            .where(~nowhere | (backchannel_logout.c.created_at <= now - UNADDRESSED_KEPT))
            .where(backchannel_logout.c.client_id.not_in(busy))
            # What is new goes first: what failed may wait, and to whoever signs out it matters now.
            .order_by(backchannel_logout.c.attempts, backchannel_logout.c.due_at, backchannel_logout.c.id)
        )
        with self._database.read() as connection:
            return connection.execute(due.limit(PIECE)).all()

    def _forget(self, lines: Sequence[str]) -> None:
        """Delete what is for services that have had no address to be told at."""
        if lines:
            with self._database.write() as connection:
                connection.execute(delete(backchannel_logout).where(backchannel_logout.c.id.in_(lines)))

    def _along(self, client: Client, mint: TokenMint, rows: Iterable[Row[Any]]) -> None:
        try:
            for row in rows:
                if self._stop.is_set() or not self._told(client, mint, row):
                    break
        except StorageUnavailable as error:
            _log.warning("logout at %s: not done: %s", client.client_id, error)
        finally:
            with self._guard:
                self._busy.discard(client.client_id)

    def _told(self, client: Client, mint: TokenMint, row: Row[Any]) -> bool:
        """Try one line, unless another worker has it; false when the service need not be tried further now."""
        until = self._clock.now() + LEASE
        if not self._change(row, backchannel_logout.c.due_at == row.due_at, {"due_at": until}):
            return True
        mine = backchannel_logout.c.due_at == until
        try:
            token = self._token(client, mint, row)
            status = self._outbound.post_form(str(client.backchannel_logout_uri), {"logout_token": token})
        except NotReached as error:
            _log.warning("logout at %s: not reached: %s", client.client_id, error)
            self._failed(row, mine, "unreachable")
            self._rest(client.client_id)
            return False
        except Exception as error:
            where = "".join(format_tb(error.__traceback__))
            _log.error("logout at %s: %s\n%s", client.client_id, type(error).__name__, where)
            self._failed(row, mine, type(error).__name__)
            return True
        if 200 <= status < 300:
            # Whoever noted a failure meanwhile, after the lease, was late: the service has answered.
            self._change(row, WAITING, {"sent_at": self._clock.now()})
        elif status == _BAD_REQUEST:
            self._refused(row, mine)
        else:
            _log.warning("logout at %s: answered with status %s", client.client_id, status)
            self._failed(row, mine, f"status {status}")
        return True

    def _token(self, client: Client, mint: TokenMint, row: Row[Any]) -> str:
        """Return the logout token (§2.4). An erased person has no ``sub`` any more; the session's name is enough."""
        frame = mint.frame(self._clock.now())
        about = {} if row.person_id is None else {"sub": mint.subjects.of(client, row.person_id)}
        claims = {
            **frame,
            "exp": frame["iat"] + int(LIFETIME.total_seconds()),
            "aud": client.client_id,
            "jti": row.id,
            "sid": mint.subjects.sid_of(client, row.sid),
            **about,
            "events": {EVENT: {}},
        }
        return mint.signed(client.id_token_signed_response_alg, "logout+jwt", claims)

    def _failed(self, row: Row[Any], mine: ColumnElement[bool], why: str) -> None:
        attempts = row.attempts + 1
        again = _next_attempt(attempts, self._clock.now(), row.created_at + KEPT_TRYING)
        if again is None:
            self._give_up(row, mine, attempts, why)
        else:
            self._change(row, mine, {"due_at": again, "attempts": attempts})

    def _refused(self, row: Row[Any], mine: ColumnElement[bool]) -> None:
        """Take the service's word on its second look: at the first it may not know the key yet that signed."""
        now = self._clock.now()
        if row.attempts and now >= row.created_at + SHORTEST_LEAD:
            self._give_up(row, mine, row.attempts + 1, "refused")
        else:
            _log.warning("logout at %s: refused", row.client_id)
            self._change(row, mine, {"due_at": now + SHORTEST_LEAD, "attempts": row.attempts + 1})

    def _give_up(self, row: Row[Any], mine: ColumnElement[bool], attempts: int, why: str) -> None:
        now = self._clock.now()
        told = {"sid": row.sid, "attempts": attempts, "why": why}
        with self._database.write() as connection:
            one = update(backchannel_logout).where(backchannel_logout.c.id == row.id, mine, WAITING)
            if connection.execute(one.values(given_up_at=now, attempts=attempts)).rowcount == 1:
                who = {"account_id": row.account_id, "client_id": row.client_id}
                record(connection, Event.LOGOUT_GIVEN_UP, now, **who, detail=told)
                _log.warning("logout at %s: given up, %s", row.client_id, why)

    def _rest(self, client_id: str) -> None:
        now = self._clock.now()
        due = (backchannel_logout.c.client_id == client_id) & (backchannel_logout.c.due_at <= now)
        with self._database.write() as connection:
            connection.execute(update(backchannel_logout).where(due, WAITING).values(due_at=now + _REST))

    def _change(self, row: Row[Any], still: ColumnElement[bool], values: Mapping[str, object]) -> bool:
        """Change a line that still waits, and of which ``still`` is true; tell whether it was."""
        one = update(backchannel_logout).where(backchannel_logout.c.id == row.id, still, WAITING)
        with self._database.write() as connection:
            return connection.execute(one.values(values)).rowcount == 1


def _next_attempt(attempts: int, now: datetime, last: datetime) -> datetime | None:
    """Return when to try again after ``attempts`` (at least one), or ``None`` when that would not be before ``last``.

    After 5 and 30 seconds, 3, 18 and 108 minutes, then every 4 hours.
    """
    again = now + min(_FIRST_DELAY * 6 ** min(attempts - 1, 5), _LAST_DELAY)
    return again if again < last else None
