"""Another phone for the holder of an account who still has the one before: both show a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Request, Response, flash, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import authenticators, failures, phones
from idp.accounts.failures import Counted, Refused
from idp.accounts.locking import lock_account
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.login.enrolment import Enrolments, session_place
from idp.login.throttling import Throttle
from idp.login.wording import no_code, throttled, try_again_in, wrong_code
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages, Problem
from idp.plugins import Candidate, PossessionFactor
from idp.rules.person import Match
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class PhonePage:
    """Whoever gets here was let through by the guard: the holder, with both factors, just now."""

    database: Database
    clock: Clock
    keyring: Keyring
    possession: PossessionFactor
    enrolments: Enrolments
    throttle: Throttle
    outbox: Outbox
    pages: Pages

    def show(self, visitor: Visitor) -> Response:
        """Return the page: the same pending secret until it is confirmed."""
        return self._page(visitor)

    def replace(self, request: Request, visitor: Visitor) -> Response:
        """Take the code of each phone, and make the new one the holder's only one."""
        if "cancel" in request.form:
            return see_other(url_for("profile.show"))
        secret = self.enrolments.secret(_place(visitor))
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        code_old = self.possession.normalised(request.form.get("code_old", ""))
        problems = [step] if isinstance(step, Problem) else []
        if code_old is None:
            problems.append(Problem("code_old", no_code()))
        # Before both can be right nothing is guessed at: the old phone's code is neither counted nor spent.
        if code_old is None or isinstance(step, Problem):
            return self._page(visitor, *problems)
        counted = self.throttle.code(request, visitor.party.account.id)
        if isinstance(counted, Refused):
            return self._too_soon(visitor, counted)
        if not self._replaced(visitor, secret, step, code_old, counted):
            return self._page(visitor, Problem("code_old", wrong_code()))
        self.enrolments.take(_place(visitor), secret)
        flash(_("Votre nouveau téléphone est enregistré. L'ancien n'ouvre plus rien."))
        return see_other(url_for("profile.show"))

    def _replaced(self, visitor: Visitor, secret: str, step: int, code_old: str, counted: Counted) -> bool:
        account, now = visitor.party.account, self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, account.id)
            match = self._shown_by_old(connection, account.id, code_old, now)
            if match is None or not authenticators.spend(connection, match):
                self.throttle.wrong_code(connection, counted, account.id, None)
                return False
            failures.reset(connection, counted, now)
            phones.replace(connection, self.keyring, account.id, secret, step, now, but=visitor.session.sid)
            record(
                connection, Event.PHONE_REPLACED, now, account_id=account.id, detail={"proved_by": "phone"}
            )
            self.outbox.tell(connection, Notice.PHONE_ADDED, account.id, now, who=account.name)
        return True

    def _shown_by_old(
        self, connection: Connection, account_id: str, code: str, now: datetime
    ) -> Match | None:
        """Return the step at which a phone of the holder's shows ``code``; an assistant's phone is no answer here."""
        held = authenticators.active(connection, self.keyring, account_id, now)
        own = [Candidate(one.id, one.secret) for one in held if one.delegation_id is None]
        return max(self.possession.matches(own, code, now), key=lambda match: match.step, default=None)

    def _too_soon(self, visitor: Visitor, refused: Refused) -> Response:
        if refused.stopped:
            stopped = _("Trop de codes incorrects : appelez l'assistance pour débloquer votre compte.")
            return self._page(visitor, Problem("code_old", str(stopped)), code="slow_down")
        problem = Problem("code_old", try_again_in(refused.wait))
        return throttled(self._page(visitor, problem, code="slow_down"), refused.wait)

    def _page(self, visitor: Visitor, *problems: Problem, code: str = "invalid_code") -> Response:
        identifier = visitor.party.account.identifier
        return self.pages.render(
            "new_phone.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code=code,
            identifier=identifier,
            **self.enrolments.shown(self.enrolments.secret(_place(visitor)), identifier),
            holding_both=True,
            codes_left=None,
            switch_url=url_for("home.switch"),
        )


def _place(visitor: Visitor) -> str:
    return session_place(visitor.session, "phone")
