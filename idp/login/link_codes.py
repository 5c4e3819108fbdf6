"""Link codes: how an assistant, of their own will, becomes the same person at another practitioner's."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from flask_babel import gettext as _

from idp.accounts import failures, links
from idp.accounts.failures import Refused
from idp.accounts.links import Known
from idp.accounts.one_time_codes import Shape
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.kept import Kept
from idp.login.surroundings import Surroundings
from idp.login.wording import try_again_in
from idp.pages import Problem
from idp.storage.database import Database

LIFETIME: Final = timedelta(minutes=15)

_SHAPE: Final = Shape("link", 2, 4)
"""40 bits: for a quarter of an hour, and each guess by a practitioner with two factors is counted."""


@dataclass(frozen=True)
class LinkCodes:
    """One-time codes, each bound to the delegation of the assistant who asked for it."""

    database: Database
    clock: Clock
    kept: Kept
    key: bytes
    """Codes are named in the store by their HMAC: forty bits can be tried by whoever has its table."""

    def new(self, delegation_id: str) -> str:
        """Return a fresh code as it is shown."""
        code = _SHAPE.new()
        self.kept.put(self._place(code.replace("-", "")), delegation_id)
        return code

    def judge(self, account_id: str, typed: str) -> Known | Problem:
        """Return the assistant of a code that a practitioner entered, which stays good until it is taken.

        Counted before it is looked for; what has no code's shape is not. The code of an assistant who may no longer
        act is unknown.
        """
        code = _SHAPE.normalised(typed)
        if code is None:
            return self.unknown()
        now = self.clock.now()
        with self.database.write() as connection:
            begun = failures.begin(connection, "link", account_id, now)
            if isinstance(begun, Refused):
                detail = {"guess": "link"}
                record(connection, Event.ATTEMPT_THROTTLED, now, account_id=account_id, detail=detail)
        if isinstance(begun, Refused):
            return Problem("link_code", try_again_in(begun.wait))
        delegation_id = self.kept.get(self._place(code))
        with self.database.write() as connection:
            found = links.known(connection, delegation_id, now) if delegation_id else None
            if found is not None:
                failures.take_back(connection, begun, now)
        return found or self.unknown()

    def unknown(self) -> Problem:
        """Return the one message for a code that links to nobody, whatever the reason."""
        text = _("Code de rattachement inconnu ou expiré. Demandez-en un nouveau à l'assistant(e).")
        return Problem("link_code", str(text))

    def take(self, typed: str, known: Known) -> bool:
        """Use the code up: true for one caller, and only while it still is that assistant's."""
        code = _SHAPE.normalised(typed)
        return code is not None and self.kept.take(self._place(code)) == known.delegation_id

    def _place(self, code: str) -> str:
        return f"link:{hmac.new(self.key, code.encode(), hashlib.sha256).hexdigest()}"


def link_codes_of(around: Surroundings) -> LinkCodes:
    """Return the codes of these surroundings: login makes them, the profile takes them."""
    kept = Kept(around.ephemeral, around.clock, around.keyring, LIFETIME)
    return LinkCodes(around.database, around.clock, kept, around.keyring.derive("link code"))
