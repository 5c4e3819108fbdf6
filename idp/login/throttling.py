"""Attempts are counted before anything is compared, apart for devices that the account knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import Request
from sqlalchemy import Connection

from idp.accounts import failures
from idp.accounts.failures import Counted, Guess, Refused
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.devices import KnownDevices
from idp.notices.requests import Forgotten
from idp.storage.database import Database


@dataclass(frozen=True)
class Throttle:
    """Says whether an attempt may be judged. What is refused here is neither judged nor counted, but audited."""

    database: Database
    clock: Clock
    devices: KnownDevices

    def password(self, request: Request, identifier: str) -> Counted | Refused:
        """Count an attempt at the password of a comparable identifier, existing or not."""
        now = self.clock.now()
        with self.database.write() as connection:
            known = self.devices.knows_at(connection, request, identifier)
            begun = failures.begin(connection, "password", identifier, now, known=known)
            if isinstance(begun, Refused):
                record(connection, Event.ATTEMPT_THROTTLED, now, detail={"guess": "password"})
        return begun

    def forgotten(
        self, connection: Connection, request: Request, forgotten: Forgotten, wanted: str
    ) -> Counted | Refused:
        """Count who asks for a password by comparable identifier, or for identifiers by e-mail key, existing or not."""
        now = self.clock.now()
        knows = self.devices.knows_at if forgotten == "password" else self.devices.knows_by_mail
        begun = failures.begin(connection, "forgotten", wanted, now, known=knows(connection, request, wanted))
        if isinstance(begun, Refused):
            record(connection, Event.ATTEMPT_THROTTLED, now, detail={"guess": "forgotten"})
        return begun

    def code(self, request: Request, account_id: str) -> Counted | Refused:
        """Count an attempt at a code of anybody at the account."""
        return self._at_account(request, "code", account_id)

    def paper(
        self, request: Request, guess: Literal["activation", "recovery"], account_id: str
    ) -> Counted | Refused:
        """Count an attempt at a code from a letter or a list, apart from all others. It is never stopped for good."""
        return self._at_account(request, guess, account_id)

    def _at_account(self, request: Request, guess: Guess, account_id: str) -> Counted | Refused:
        now = self.clock.now()
        with self.database.write() as connection:
            known = self.devices.knows(connection, request, account_id)
            begun = failures.begin(connection, guess, account_id, now, known=known)
            if isinstance(begun, Refused):
                detail = {"guess": guess}
                record(connection, Event.ATTEMPT_THROTTLED, now, account_id=account_id, detail=detail)
        return begun

    def is_stopped(self, request: Request, account_id: str) -> bool:
        """Say whether no code is judged any more from this device, with nothing counted."""
        with self.database.read() as connection:
            known = self.devices.knows(connection, request, account_id)
            return failures.is_spent(connection, "code", account_id, self.clock.now(), known=known)

    def knows(self, request: Request, account_id: str) -> bool:
        """Say whether the account knows this device."""
        with self.database.read() as connection:
            return self.devices.knows(connection, request, account_id)

    def wrong_code(
        self, connection: Connection, counted: Counted, account_id: str, service: str | None
    ) -> None:
        """Write that a code was refused, and what it spent the last of."""
        now = self.clock.now()
        detail = {"service": service}
        record(connection, Event.CODE_REFUSED, now, account_id=account_id, detail=detail)
        if counted.last:
            which = {"devices": "known" if counted.on_known_device else "new"}
            record(connection, Event.DEVICE_STOPPED, now, account_id=account_id, detail=which)

    def not_judged(self, counted: Counted) -> None:
        """Take back an attempt that could not be judged: whoever comes again must not wait for it."""
        with self.database.write() as connection:
            failures.take_back(connection, counted, self.clock.now())
