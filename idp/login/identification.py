"""The first page: identifier and password, typed or by the keypad."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts import directory, failures
from idp.accounts.identifier import comparable
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.cookies import REMEMBERED_SECONDS, Cookies
from idp.login.journey import Journey, Position
from idp.login.keypad import KeypadView, pressed, shuffled
from idp.login.wording import format_day, try_again_in, whole_seconds
from idp.pages import Pages, Problem
from idp.plugins import FactorBusy, KnowledgeFactor
from idp.rules.assurance import ActivationBox, Proof, activation_box, strictest
from idp.storage.database import Database


@dataclass(frozen=True)
class _Entered:
    """What the form holds. The password is never shown again."""

    identifier: str
    password: str
    positions: str
    activate: bool
    remember: bool


@dataclass(frozen=True)
class IdentificationStep:
    """Shows the page and judges a password. Leads nowhere by itself: the journey decides."""

    database: Database
    clock: Clock
    journey: Journey
    cookies: Cookies
    knowledge: KnowledgeFactor
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page as it is first seen."""
        remembered = bool(self.cookies.get(request, "identifier"))
        blank = _Entered(
            position.transaction.identifier, "", "", self._box(position).state == "locked", remembered
        )
        return self._page(position, blank)

    def post(self, request: Request, position: Position) -> Response:
        """Take one press of the keypad, *Annuler*, or an attempt."""
        form = request.form
        if "cancel" in form:
            return self.journey.cancel(position)
        entered = _Entered(
            form.get("identifier", ""),
            form.get("password", ""),
            form.get("positions", ""),
            "activate_mfa" in form,
            "remember_me" in form,
        )
        uses_keypad = "key" in form or (entered.positions and not entered.password)
        keypad = position.transaction.keypad
        if uses_keypad and form.get("keypad") != keypad.id:
            stale = _("Les touches du clavier ont changé de place : saisissez à nouveau votre mot de passe.")
            return self._again(position, entered, Problem("password", stale))
        if "key" in form:
            positions = pressed(entered.positions, form["key"])
            return self._page(position, replace(entered, positions=positions))
        password = entered.password or (keypad.digits(entered.positions) if entered.positions else "")
        return self._attempt(request, position, entered, password or "")

    def _attempt(self, request: Request, position: Position, entered: _Entered, password: str) -> Response:
        identifier = comparable(entered.identifier)
        problems = []
        if identifier is None:
            problems.append(Problem("identifier", _("Saisissez votre identifiant.")))
        if not password:
            problems.append(Problem("password", _("Saisissez votre mot de passe.")))
        if identifier is None or not password:
            return self._again(position, entered, *problems)
        key = failures.counter("password", identifier)
        with self.database.write() as connection:
            wait = failures.begin(connection, key, self.clock.now())
            if wait is not None:
                record(connection, Event.ATTEMPT_THROTTLED, self.clock.now(), detail={"guess": "password"})
        if wait is not None:
            return self._throttled(position, entered, wait)
        try:
            account_id = self._right_account(identifier, password, key, position)
        except FactorBusy:
            # Nothing was judged: whoever comes again must not wait for it.
            with self.database.write() as connection:
                failures.forgive(connection, key, self.clock.now())
            raise
        if account_id is None:
            wrong = _("Identifiant ou mot de passe incorrect. Vérifiez les deux, puis recommencez.")
            return self._again(position, entered, Problem("password", wrong), code="invalid_credentials")
        return self._accepted(request, position, entered, account_id)

    def _right_account(self, identifier: str, password: str, key: str, position: Position) -> str | None:
        """Return the account that the password opens. The same work is done whether the account exists or not."""
        with self.database.read() as connection:
            known = directory.credentials(connection, identifier)
        evidence = self.knowledge.verify([known.password] if known else [], password)
        now = self.clock.now()
        client = position.destination.service(position.transaction.request)
        if known is None or known.disabled or not evidence.right:
            with self.database.write() as connection:
                account_id = known.account_id if known else None
                detail = {"service": client}
                record(connection, Event.PASSWORD_REFUSED, now, account_id=account_id, detail=detail)
            return None
        with self.database.write() as connection:
            failures.reset(connection, key)
            if evidence.rehashed is not None:
                directory.set_password(connection, known.account_id, evidence.rehashed)
            detail = {"service": client}
            record(connection, Event.PASSWORD_ACCEPTED, now, account_id=known.account_id, detail=detail)
        return known.account_id

    def _accepted(self, request: Request, position: Position, entered: _Entered, account_id: str) -> Response:
        proof = Proof("pwd", int(self.clock.now().timestamp()))
        response = self.journey.prove(
            request,
            position,
            account_id,
            None,
            (proof,),
            identifier=entered.identifier.strip(),
            activation_wanted=entered.activate or self._box(position).state == "locked",
            keypad=shuffled(),
        )
        if entered.remember:
            self.cookies.put(response, "identifier", comparable(entered.identifier) or "", REMEMBERED_SECONDS)
        else:
            self.cookies.drop(response, "identifier")
        return response

    def _throttled(self, position: Position, entered: _Entered, wait: timedelta) -> Response:
        response = self._again(position, entered, Problem("password", try_again_in(wait)), code="slow_down")
        response.status_code = 429
        response.headers["Retry-After"] = str(whole_seconds(wait))
        return response

    def _again(
        self, position: Position, entered: _Entered, *problems: Problem, code: str = "invalid_form"
    ) -> Response:
        """Show the page again with a new permutation: each is good for one attempt."""
        transaction = position.transaction
        renewed = transaction.model_copy(
            update={"keypad": shuffled(), "identifier": entered.identifier[:256]}
        )
        self.journey.transactions.save(transaction, renewed)
        stored = self.journey.transactions.load(transaction.id) or renewed
        again = replace(position, transaction=stored)
        return self._page(again, replace(entered, positions=""), *problems, code=code)

    def _page(
        self, position: Position, entered: _Entered, *problems: Problem, code: str = "invalid_form"
    ) -> Response:
        box = self._box(position)
        keypad = position.transaction.keypad
        return self.pages.render(
            "identification.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=position.destination.form_action(position.transaction.request),
            service=position.destination.service(position.transaction.request),
            identifier=entered.identifier,
            remember_me=entered.remember,
            keypad=KeypadView(keypad.id, list(keypad.order), entered.positions),
            box={
                "state": box.state,
                "checked": box.state == "locked" or entered.activate,
                "date": format_day(box.since) if box.since else None,
            },
            help_url=url_for("signin.recovery"),
            problem_code=code,
            acting_for=position.visitor.acting_for if position.visitor else None,
            switch_url=url_for("signin.switch", transaction_id=position.transaction.id)
            if position.visitor
            else None,
            cancel=True,
        )

    def _box(self, position: Position) -> ActivationBox:
        demand = position.demand
        policies = [
            strictest([demand.policy, policy])
            for profile, policy in self.journey.profile_policies.items()
            if profile in demand.profiles
        ]
        return activation_box(policies, "mfa" if demand.wanted == "mfa" else demand.floor, self.clock.now())
