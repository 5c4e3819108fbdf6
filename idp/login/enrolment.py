"""Enrolling a phone: one unconfirmed secret a place, shown until its first right code, whoever's phone it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from idp.clock import Clock
from idp.login.kept import Kept, kept_of
from idp.login.session import SignOnSession
from idp.login.surroundings import Surroundings
from idp.login.wording import no_code, wrong_code
from idp.pages import Problem, qr_svg
from idp.plugins import Candidate, PossessionFactor


@dataclass(frozen=True)
class Enrolments:
    """Shows the same unconfirmed secret until it is confirmed or its time is over. Nothing here is durable."""

    kept: Kept
    clock: Clock
    possession: PossessionFactor

    def secret(self, place: str) -> str:
        """Return the pending secret of ``place``, a fresh one when there is none."""
        for _attempt in range(3):
            pending = self.kept.get(place)
            if pending is not None:
                return pending
            self.kept.add(place, self.possession.new_secret())
        raise RuntimeError("the store keeps losing what was just added")

    def confirmed(self, secret: str, typed: str) -> int | Problem:
        """Return the time step in which the phone shows the typed code, to be spent with it; else what is wrong."""
        code = self.possession.normalised(typed)
        if code is None:
            return Problem("code", no_code())
        found = self.possession.matches([Candidate("new", secret)], code, self.clock.now())
        return max(match.step for match in found) if found else Problem("code", wrong_code())

    def take(self, place: str, secret: str) -> bool:
        """Consume the pending secret: true for one caller, and only while it still is ``secret``."""
        return self.kept.take(place) == secret

    def shown(self, secret: str, label: str) -> dict[str, Any]:
        """Return what a page needs to show the secret; the app names its entry by ``label``."""
        uri = self.possession.enrolment_uri(secret, label)
        return {"qr_svg": qr_svg(uri), "key_text": secret, "otpauth_uri": uri}


def enrolments_of(around: Surroundings) -> Enrolments:
    """Return the room's."""
    return Enrolments(kept_of(around), around.clock, around.plugins.possession)


def session_place(session: SignOnSession, purpose: str) -> str:
    """Return the place of a signed-in person's own page; sessions never share one."""
    return f"{purpose}:{session.account_id}:{session.sid}"
