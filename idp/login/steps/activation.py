"""First activation: a fresh secret is shown until its first right code confirms it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts import activation_codes, authenticators, recovery_codes
from idp.accounts.locking import lock_account
from idp.accounts.one_time_codes import Ticket
from idp.audit.events import Event, record
from idp.clock import Clock
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
from idp.rules.delegation import PRACTITIONER
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class ActivationStep:
    """Shows this sign-in's secret and makes it the account's first authenticator."""

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    enrolments: Enrolments
    tickets: Tickets
    codes: FreshCodes
    outbox: Outbox
    pages: Pages
    needs_code: bool
    """Whether the password alone may not activate (``enrolment_proof``)."""

    def show(self, request: Request, position: Position) -> Response:
        """Return the page: the same secret for as long as the sign-in lives."""
        del request
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler*, or the activation code and the first code of the phone."""
        if "cancel" in request.form or position.party is None:
            return self.journey.cancel(position)
        account_id, ticket = position.party.account.id, position.transaction.ticket
        problems = []
        if self.needs_code and ticket is None:
            typed = request.form.get("activation_code", "")
            judged = self.tickets.judge(request, account_id, typed, "activation", "activation")
            if judged.wait is not None:
                return self._throttled(position, judged.wait)
            ticket = judged.ticket
            if ticket is None:
                problems.append(_wrong_activation_code())
        secret = self.enrolments.secret(position.place)
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        if isinstance(step, Problem):
            return self._page(self._holding(position, ticket), *problems, step)
        if problems:
            return self._page(position, *problems)
        return self._activated(request, position, ticket, secret, step)

    def _activated(
        self, request: Request, position: Position, ticket: Ticket | None, secret: str, step: int
    ) -> Response:
        assert position.party is not None
        account, now = position.party.account, self.clock.now()
        fresh: list[str] = []
        with self.database.write() as connection:
            lock_account(connection, account.id)
            good = ticket is None or redeem(connection, account.id, ticket, now)
            if good and authenticators.activate(connection, self.keyring, account.id, secret, step, now):
                # A letter that was not needed must not open anything later.
                activation_codes.forget(connection, account.id)
                fresh = recovery_codes.renew(connection, self.keyring, account.id, now)
                proved_by = {"proved_by": ticket.kind if ticket else "password alone"}
                record(connection, Event.MFA_ACTIVATED, now, account_id=account.id, detail=proved_by)
                record(connection, Event.RECOVERY_CODES_MADE, now, account_id=account.id)
                self.outbox.tell(connection, Notice.PHONE_ADDED, account.id, now, who=account.name)
        if not fresh:
            # Another request was first: its authenticator counts, this one never did. Or the code has gone meanwhile.
            # Only then is anything stored: the one that was first may still be about to store what it proved.
            now_at = self.journey.find(request, position.transaction.id)
            if now_at.step is position.step:
                return self._page(self._holding(now_at, None), _wrong_activation_code())
            return self.journey.proceed(request, position.transaction.id)
        self.codes.keep(position, fresh)
        otp = Proof("otp", int(now.timestamp()))
        proofs = tuple(proof for proof in position.proofs if proof.method == "pwd")
        return self.journey.prove(
            request, position, account.id, None, (*proofs, otp), ticket=None, fresh_codes=True
        )

    def _holding(self, position: Position, ticket: Ticket | None) -> Position:
        """Remember the code that was right, so that a mistyped one of the phone does not ask for it again."""
        if ticket == position.transaction.ticket:
            return position
        after = position.transaction.model_copy(update={"ticket": ticket})
        self.journey.transactions.save(position.transaction, after)
        return replace(position, transaction=after)

    def _throttled(self, position: Position, wait: timedelta) -> Response:
        problem = Problem("activation_code", try_again_in(wait))
        return throttled(self._page(position, problem, code="slow_down"), wait)

    def _page(self, position: Position, *problems: Problem, code: str = "invalid_code") -> Response:
        transaction, party = position.transaction, position.party
        identifier = party.account.identifier if party else ""
        return self.pages.render(
            "activation.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code=code,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            identifier=identifier,
            **self.enrolments.shown(self.enrolments.secret(position.place), identifier),
            activation_code="given" if transaction.ticket else "asked" if self.needs_code else None,
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
            is_practitioner=party is not None and party.account.profile == PRACTITIONER,
        )


def _wrong_activation_code() -> Problem:
    wrong = _("Code d'activation incorrect ou expiré. Vérifiez-le, ou appelez l'assistance.")
    return Problem("activation_code", str(wrong))
