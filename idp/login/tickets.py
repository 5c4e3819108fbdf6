"""Codes that people read from paper, judged. Each attempt is counted before it is compared, apart from all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import Request
from sqlalchemy import Connection

from idp.accounts import activation_codes, failures, recovery_codes
from idp.accounts.failures import Refused
from idp.accounts.one_time_codes import ACTIVATION, RECOVERY, Kind, Shape, Ticket
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.throttling import Throttle
from idp.storage.database import Database
from idp.storage.keyring import Keyring

_SHAPES: Final[Mapping[Kind, Shape]] = {"activation": ACTIVATION, "recovery": RECOVERY}


@dataclass(frozen=True)
class Judged:
    """What became of an attempt: a ticket, a wait, or neither, and then the code is wrong."""

    ticket: Ticket | None = None
    wait: timedelta | None = None


@dataclass(frozen=True)
class Tickets:
    """Judges codes and uses them up. Fifty bits cannot be guessed, so a minute's delay does, and trying never ends:
    failures here stop nobody elsewhere, nor the other way round."""

    database: Database
    clock: Clock
    keyring: Keyring
    throttle: Throttle

    def judge(self, request: Request, account_id: str, typed: str, counted_as: Kind, *kinds: Kind) -> Judged:
        """Say whether ``typed`` is an unused code of one of ``kinds``. What has no code's shape is not counted."""
        codes = {kind: _SHAPES[kind].normalised(typed) for kind in kinds}
        if not any(codes.values()):
            return Judged()
        counted, now = self.throttle.paper(request, counted_as, account_id), self.clock.now()
        if isinstance(counted, Refused):
            return Judged(wait=counted.wait)
        with self.database.write() as connection:
            ticket = self._found(connection, account_id, codes, now)
            if ticket is not None:
                failures.reset(connection, counted, now)
            else:
                record(connection, _REFUSED[counted_as], now, account_id=account_id)
        return Judged(ticket)

    def _found(
        self, connection: Connection, account_id: str, codes: Mapping[Kind, str | None], now: datetime
    ) -> Ticket | None:
        if code := codes.get("recovery"):
            code_id = recovery_codes.found(connection, self.keyring, account_id, code)
            return Ticket("recovery", code_id) if code_id else None
        if code := codes.get("activation"):
            stored = activation_codes.found(connection, self.keyring, account_id, code, now)
            return Ticket("activation", stored) if stored else None
        return None


def redeem(connection: Connection, account_id: str, ticket: Ticket, now: datetime) -> bool:
    """Use the code up: true for exactly one caller, and only while it is still good."""
    use = recovery_codes.spend if ticket.kind == "recovery" else activation_codes.take
    return use(connection, account_id, ticket.reference, now)


_REFUSED: Final[Mapping[Kind, Event]] = {
    "activation": Event.ACTIVATION_CODE_REFUSED,
    "recovery": Event.RECOVERY_CODE_REFUSED,
}
