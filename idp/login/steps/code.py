"""The second page: a code, which also says who is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts import authenticators, failures
from idp.accounts.authenticators import Held
from idp.accounts.failures import Counted
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.journey import Journey
from idp.login.position import Position
from idp.login.throttling import Throttle
from idp.login.wording import no_code, throttled, try_again_in, wrong_code
from idp.pages import Pages, Problem
from idp.plugins import Candidate, PossessionFactor
from idp.rules.assurance import Proof
from idp.rules.person import AskAgain, Holder, Match, OnePerson, named_by
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class CodeStep:
    """Shows the page and judges a code against everybody who may act at the account."""

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    throttle: Throttle
    possession: PossessionFactor
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page as it is first seen, or why no code is taken from this device."""
        if position.party is not None and self.throttle.is_stopped(request, position.party.account.id):
            return self._stopped(request, position)
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler* or an attempt."""
        if "cancel" in request.form:
            return self.journey.cancel(position)
        code = self.possession.normalised(request.form.get("code", ""))
        if code is None or position.party is None:
            return self._page(position, Problem("code", no_code()))
        account_id = position.party.account.id
        counted = self.throttle.code(request, account_id)
        if isinstance(counted, Counted):
            return self._judge(request, position, account_id, code, counted)
        if counted.stopped:
            return self._stopped(request, position)
        again = Problem("code", try_again_in(counted.wait))
        return throttled(self._page(position, again, code="slow_down"), counted.wait)

    def _judge(
        self, request: Request, position: Position, account_id: str, code: str, counted: Counted
    ) -> Response:
        now = self.clock.now()
        entered = self._entered(position, account_id, code, counted, now)
        if entered == "ambiguous":
            return self._page(position, Problem("code", _ambiguous()))
        if entered == "wrong":
            self.journey.transactions.note_failed(position.transaction, account_id, counted)
            return self._page(position, Problem("code", wrong_code()))
        if failed := self.journey.transactions.take_failed(position.transaction, account_id):
            with self.database.write() as connection:
                failures.forgive(connection, failed)
        proofs = tuple(proof for proof in position.proofs if proof.method == "pwd")
        otp = Proof("otp", int(now.timestamp()))
        several = bool(self.journey.others(entered.delegation_id))
        return self.journey.prove(
            request, position, account_id, entered.delegation_id, (*proofs, otp), to_choose=several
        )

    def _entered(
        self, position: Position, account_id: str, code: str, counted: Counted, now: datetime
    ) -> Held | Literal["ambiguous", "wrong"]:
        """Return whose phone the code names, its step spent."""
        with self.database.write() as connection:
            held = authenticators.active(connection, self.keyring, account_id, now)
            candidates = [Candidate(one.id, one.secret) for one in held]
            named = named_by(
                self.possession.matches(candidates, code, now),
                {one.id: Holder(one.delegation_id, one.own_password) for one in held},
                position.transaction.knower,
                own_passwords=self.journey.own_passwords,
            )
            match named:
                case OnePerson(match) if authenticators.spend(connection, match):
                    entered = _holder_of(held, match)
                    if entered.delegation_id is None:
                        failures.reset(connection, counted, now)
                    else:
                        # An assistant's own code must not buy them more guesses at the doctor's.
                        failures.take_back(connection, counted, now)
                    return entered
                case AskAgain(matches):
                    for match in sorted(matches, key=lambda match: match.authenticator_id):
                        authenticators.spend(connection, match)
                    failures.take_back(connection, counted, now)
                    record(connection, Event.CODE_AMBIGUOUS, now, account_id=account_id)
                    return "ambiguous"
                case _:
                    service = position.destination.service(position.transaction.request)
                    self.throttle.wrong_code(connection, counted, account_id, service)
                    return "wrong"

    def _stopped(self, request: Request, position: Position) -> Response:
        transaction, party = position.transaction, position.party
        return self.pages.render(
            "device_stopped.html",
            status=403,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            identifier=party.account.identifier if party else "",
            known=party is not None and self.throttle.knows(request, party.account.id),
            lost_phone_url=lost_phone_url(position),
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )

    def _page(self, position: Position, *problems: Problem, code: str = "invalid_code") -> Response:
        transaction = position.transaction
        return self.pages.render(
            "code.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code=code,
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            identifier=position.party.account.identifier if position.party else "",
            lost_phone_url=lost_phone_url(position),
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )


def lost_phone_url(position: Position) -> str | None:
    """Return where somebody goes on who cannot show a code, if the holder's password was shown in this sign-in."""
    if not position.may_recover:
        return None
    return url_for("signin.lost_phone", transaction_id=position.transaction.id)


def _holder_of(held: list[Held], match: Match) -> Held:
    return next(one for one in held if one.id == match.authenticator_id)


def _ambiguous() -> str:
    return str(
        _("Ce code ne peut être accepté. Attendez le code suivant de votre application et saisissez-le.")
    )
