"""The second page: a code, which also says who is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts import authenticators, failures
from idp.accounts.authenticators import Held
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.journey import Journey, Position
from idp.login.wording import no_code, try_again_in, whole_seconds, wrong_code
from idp.pages import Pages, Problem
from idp.plugins import Candidate, PossessionFactor
from idp.rules.assurance import Proof
from idp.rules.person import AskAgain, Match, OnePerson, named_by
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class CodeStep:
    """Shows the page and judges a code against everybody who may act at the account."""

    database: Database
    clock: Clock
    keyring: Keyring
    journey: Journey
    possession: PossessionFactor
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page as it is first seen."""
        del request
        return self._page(position)

    def post(self, request: Request, position: Position) -> Response:
        """Take *Annuler* or an attempt."""
        if "cancel" in request.form:
            return self.journey.cancel(position)
        code = self.possession.normalised(request.form.get("code", ""))
        if code is None or position.party is None:
            return self._page(position, Problem("code", no_code()))
        account_id = position.party.account.id
        key = failures.counter("code", account_id)
        now = self.clock.now()
        with self.database.write() as connection:
            wait = failures.begin(connection, key, now)
            if wait is not None:
                detail = {"guess": "code"}
                record(connection, Event.ATTEMPT_THROTTLED, now, account_id=account_id, detail=detail)
        if wait is not None:
            return self._throttled(position, wait)
        return self._judge(request, position, account_id, code, key)

    def _judge(self, request: Request, position: Position, account_id: str, code: str, key: str) -> Response:
        now = self.clock.now()
        entered: Held | None = None
        with self.database.write() as connection:
            held = authenticators.active(connection, self.keyring, account_id, now)
            candidates = [Candidate(one.id, one.secret) for one in held]
            named = named_by(self.possession.matches(candidates, code, now))
            match named:
                case OnePerson(match) if authenticators.spend(connection, match):
                    entered = _holder_of(held, match)
                    if entered.delegation_id is None:
                        failures.reset(connection, key)
                    else:
                        # An assistant's own code must not buy them more guesses at the doctor's.
                        failures.forgive(connection, key, now)
                case AskAgain(matches):
                    for match in sorted(matches, key=lambda match: match.authenticator_id):
                        authenticators.spend(connection, match)
                    failures.forgive(connection, key, now)
                    record(connection, Event.CODE_AMBIGUOUS, now, account_id=account_id)
                    problem = _ambiguous()
                case _:
                    detail = {"service": position.destination.service(position.transaction.request)}
                    record(connection, Event.CODE_REFUSED, now, account_id=account_id, detail=detail)
                    problem = wrong_code()
        if entered is None:
            return self._page(position, Problem("code", problem))
        proofs = tuple(proof for proof in position.proofs if proof.method == "pwd")
        otp = Proof("otp", int(now.timestamp()))
        return self.journey.prove(request, position, account_id, entered.delegation_id, (*proofs, otp))

    def _throttled(self, position: Position, wait: timedelta) -> Response:
        response = self._page(position, Problem("code", try_again_in(wait)), code="slow_down")
        response.status_code = 429
        response.headers["Retry-After"] = str(whole_seconds(wait))
        return response

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
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )


def _holder_of(held: list[Held], match: Match) -> Held:
    return next(one for one in held if one.id == match.authenticator_id)


def _ambiguous() -> str:
    return str(
        _("Ce code ne peut être accepté. Attendez le code suivant de votre application et saisissez-le.")
    )
