"""A phone lost, broken or changed: a code from paper takes its place once, or lets a new one be enrolled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Request, Response, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import phones, recovery_codes
from idp.accounts.locking import lock_account
from idp.accounts.one_time_codes import Ticket
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import see_other
from idp.login.enrolment import Enrolments
from idp.login.journey import Journey
from idp.login.position import Position
from idp.login.steps.recovery_codes import FreshCodes
from idp.login.tickets import Tickets, redeem
from idp.login.wording import throttled, try_again_in
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages, Problem
from idp.rules.assurance import Proof
from idp.storage.database import Database
from idp.storage.keyring import Keyring

REPLACE, FORGOTTEN = "replace", "forgotten"


@dataclass(frozen=True)
class LostPhonePage:
    """Reached from the code page, and only by whoever showed the holder's password in this very sign-in.

    A code names the account's holder, never an assistant: the practitioner gives them a new phone. It is used up with
    what it is for: whoever leaves before the new phone has shown its first code keeps it.
    """

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    enrolments: Enrolments
    tickets: Tickets
    codes: FreshCodes
    outbox: Outbox
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page that asks for the code, or for the new phone once the code was right."""
        del request
        ticket = position.transaction.ticket
        return self._phone_page(position, ticket) if ticket else self._code_page(position, REPLACE)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler*, a code from paper, or the first code of the new phone."""
        if "cancel" in request.form or position.party is None:
            return self.journey.cancel(position)
        ticket = position.transaction.ticket
        if ticket is not None:
            return self._confirm(request, position, position.party.account.id, ticket)
        choice = FORGOTTEN if request.form.get("choice") == FORGOTTEN else REPLACE
        account_id, typed = position.party.account.id, request.form.get("recovery_code", "")
        judged = self.tickets.judge(request, account_id, typed, "recovery", "recovery", "activation")
        if judged.wait is not None:
            return self._throttled(position, choice, judged.wait)
        if judged.ticket is None:
            return self._code_page(position, choice, _wrong())
        # Support's code says that there is no phone any more: it cannot stand for one.
        if choice == FORGOTTEN and judged.ticket.kind == "recovery":
            return self._instead_of_phone(request, position, account_id, judged.ticket)
        self._hold(position, judged.ticket)
        return see_other(self._url(position))

    def _instead_of_phone(
        self, request: Request, position: Position, account_id: str, ticket: Ticket
    ) -> Response:
        """Let the recovery code count as the second factor, once."""
        now = self.clock.now()
        with self.database.write() as connection:
            lock_account(connection, account_id)
            used = redeem(connection, account_id, ticket, now)
            if used:
                left = recovery_codes.left(connection, account_id)
                detail = {"for": "sign-in", "left": left}
                record(connection, Event.RECOVERY_CODE_USED, now, account_id=account_id, detail=detail)
                self.outbox.tell(connection, Notice.RECOVERY_USED, account_id, now, left=str(left))
        if not used:
            return self._code_page(position, FORGOTTEN, _wrong())
        return self.journey.prove(request, position, account_id, None, self._proofs(position, now))

    def _confirm(self, request: Request, position: Position, account_id: str, ticket: Ticket) -> Response:
        """Make the phone that shows the right code the holder's only one: all of it, or nothing."""
        secret = self.enrolments.secret(position.place)
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        if isinstance(step, Problem):
            return self._phone_page(position, ticket, step)
        now, fresh = self.clock.now(), list[str]()
        with self.database.write() as connection:
            lock_account(connection, account_id)
            used = redeem(connection, account_id, ticket, now)
            if used:
                since = _password_shown(position)
                phones.replace(connection, self.keyring, account_id, secret, step, now, proved_since=since)
                if not recovery_codes.left(connection, account_id):
                    fresh = recovery_codes.renew(connection, self.keyring, account_id, now)
                    record(connection, Event.RECOVERY_CODES_MADE, now, account_id=account_id)
                self._note(connection, position, ticket, now)
        if not used:
            self._hold(position, None)
            return self._code_page(position, REPLACE, _wrong())
        if fresh:
            self.codes.keep(position, fresh)
        # The holder's session at this browser has just ended with all others: nothing goes on under its sid.
        position = replace(position, visitor=self.journey.visitors.of(request))
        proofs = self._proofs(position, now)
        return self.journey.prove(
            request, position, account_id, None, proofs, ticket=None, fresh_codes=bool(fresh)
        )

    def _note(self, connection: Connection, position: Position, ticket: Ticket, now: datetime) -> None:
        """Write down and tell that the phone is another one, in the transaction that made it so."""
        assert position.party is not None
        account = position.party.account
        if ticket.kind == "recovery":
            left = recovery_codes.left(connection, account.id)
            detail = {"for": "phone", "left": left}
            record(connection, Event.RECOVERY_CODE_USED, now, account_id=account.id, detail=detail)
            self.outbox.tell(connection, Notice.RECOVERY_USED, account.id, now, left=str(left))
        proved_by = {"proved_by": ticket.kind}
        record(connection, Event.PHONE_REPLACED, now, account_id=account.id, detail=proved_by)
        self.outbox.tell(connection, Notice.PHONE_ADDED, account.id, now, who=account.name)

    def _proofs(self, position: Position, now: datetime) -> tuple[Proof, ...]:
        password = tuple(proof for proof in position.proofs if proof.method == "pwd")
        return (*password, Proof("otp", int(now.timestamp())))

    def _hold(self, position: Position, ticket: Ticket | None) -> None:
        after = position.transaction.model_copy(update={"ticket": ticket})
        self.journey.transactions.save(position.transaction, after)

    def _throttled(self, position: Position, choice: str, wait: timedelta) -> Response:
        problem = Problem("recovery_code", try_again_in(wait))
        return throttled(self._code_page(position, choice, problem, code="slow_down"), wait)

    def _code_page(
        self, position: Position, choice: str, *problems: Problem, code: str = "invalid_code"
    ) -> Response:
        return self._page("lost_phone.html", position, *problems, code=code, choice=choice)

    def _phone_page(self, position: Position, ticket: Ticket, *problems: Problem) -> Response:
        assert position.party is not None
        account = position.party.account
        left = None
        if ticket.kind == "recovery":
            with self.database.read() as connection:
                left = max(recovery_codes.left(connection, account.id) - 1, 0)
        shown = self.enrolments.shown(self.enrolments.secret(position.place), account.identifier)
        return self._page("new_phone.html", position, *problems, **shown, codes_left=left, holding_both=False)

    def _page(
        self,
        template: str,
        position: Position,
        *problems: Problem,
        code: str = "invalid_code",
        **context: Any,
    ) -> Response:
        transaction = position.transaction
        return self.pages.render(
            template,
            status=422 if problems else 200,
            problems=problems,
            problem_code=code,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            identifier=position.party.account.identifier if position.party else "",
            code_url=url_for("signin.code", transaction_id=transaction.id),
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
            **context,
        )

    def _url(self, position: Position) -> str:
        return url_for("signin.lost_phone", transaction_id=position.transaction.id)


def _password_shown(position: Position) -> datetime:
    """Return when the password of this sign-in was shown: what the holder proved before it counts no longer."""
    shown = max(proof.at for proof in position.proofs if proof.method == "pwd")
    return datetime.fromtimestamp(shown, UTC)


def _wrong() -> Problem:
    wrong = _("Code incorrect, expiré ou déjà utilisé. Vérifiez-le, ou appelez l'assistance.")
    return Problem("recovery_code", str(wrong))
