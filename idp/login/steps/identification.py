"""The first page: identifier and password, typed or by the keypad."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Request, Response, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import assistant_factors, directory, failures
from idp.accounts.failures import Counted, Refused
from idp.accounts.identifier import comparable
from idp.accounts.locking import lock_account
from idp.accounts.party import password_mark
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.cookies import REMEMBERED_SECONDS, Cookies
from idp.login.journey import Journey
from idp.login.keypad import KeypadView, pressed, shuffled
from idp.login.position import Position
from idp.login.steps.selection import Selection
from idp.login.throttling import Throttle
from idp.login.wording import days_left, format_day, throttled, try_again_in
from idp.pages import Pages, Problem
from idp.plugins import FactorBusy, KnowledgeFactor
from idp.rules.assurance import ActivationBox, Proof, activation_box, strictest
from idp.rules.obligation import days_until
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
class _Opened:
    """What a password opens: the account, and the delegation of the assistant whose own it is."""

    account_id: str
    knower: str | None
    mark: str


@dataclass(frozen=True)
class IdentificationStep:
    """Shows the page and judges a password. Leads nowhere by itself: the journey decides."""

    database: Database
    clock: Clock
    journey: Journey
    cookies: Cookies
    throttle: Throttle
    knowledge: KnowledgeFactor
    selection: Selection
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page as it is first seen."""
        remembered = bool(self.cookies.get(request, "identifier"))
        blank = _Entered(
            position.transaction.identifier, "", "", self._box(position).state == "locked", remembered
        )
        return self._page(position, blank)

    def post(self, request: Request, position: Position) -> Response:
        """Take one press of the keypad, *Continuer en tant que …*, *Annuler*, or an attempt."""
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
        if "continue" in form:
            went_on = self.selection.take(request, position, form["continue"])
            return went_on or self._page(position, entered, self._nobody_named(position))
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

    def _nobody_named(self, position: Position) -> Problem:
        """Return why the button goes on as nobody: it named somebody else, or is offered no more."""
        if self.selection.shown(position) is None:
            return Problem(None, _("L'identification précédente ne compte plus : identifiez-vous à nouveau."))
        other = _("Une autre personne s'est identifiée entre-temps : vérifiez le nom avant de continuer.")
        return Problem("continue", other)

    def _attempt(self, request: Request, position: Position, entered: _Entered, password: str) -> Response:
        identifier = comparable(entered.identifier)
        problems = []
        if identifier is None:
            problems.append(Problem("identifier", _("Saisissez votre identifiant.")))
        if not password:
            problems.append(Problem("password", _("Saisissez votre mot de passe.")))
        if identifier is None or not password:
            return self._again(position, entered, *problems)
        counted = self.throttle.password(request, identifier)
        if isinstance(counted, Refused):
            again = Problem("password", try_again_in(counted.wait))
            return throttled(self._again(position, entered, again, code="slow_down"), counted.wait)
        try:
            opened = self._opened(identifier, password, counted, position)
        except FactorBusy:
            self.throttle.not_judged(counted)
            raise
        if opened is None:
            wrong = _("Identifiant ou mot de passe incorrect. Vérifiez les deux, puis recommencez.")
            return self._again(position, entered, Problem("password", wrong), code="invalid_credentials")
        return self._accepted(request, position, entered, opened)

    def _opened(self, identifier: str, password: str, counted: Counted, position: Position) -> _Opened | None:
        """Return what the password opens, or ``None``.

        The same work is done whether the account exists or not, and whosever it is.
        """
        now = self.clock.now()
        own: dict[str, str] = {}
        with self.database.read() as connection:
            known = directory.credentials(connection, identifier)
            if known is not None and self.journey.own_passwords:
                own = assistant_factors.own_passwords(connection, known.account_id, now)
        evidence = self.knowledge.verify([known.password, *own.values()] if known else [], password)
        client = position.destination.service(position.transaction.request)
        if known is None or known.disabled or evidence.which is None:
            with self.database.write() as connection:
                account_id = known.account_id if known else None
                detail = {"service": client}
                record(connection, Event.PASSWORD_REFUSED, now, account_id=account_id, detail=detail)
            return None
        knower = [None, *own][evidence.which]
        before = known.password if knower is None else own[knower]
        with self.database.write() as connection:
            good = evidence.rehashed is None or _renewed(
                connection, known.account_id, knower, before, evidence.rehashed
            )
            if good:
                failures.reset(connection, counted, now)
                detail = {"service": client}
                record(connection, Event.PASSWORD_ACCEPTED, now, account_id=known.account_id, detail=detail)
        if not good:
            # Another was put in its place meanwhile, or the same stored anew: what stands there now says which.
            return self._opened(identifier, password, counted, position)
        return _Opened(known.account_id, knower, password_mark(evidence.rehashed or before))

    def _accepted(
        self,
        request: Request,
        position: Position,
        entered: _Entered,
        opened: _Opened,
    ) -> Response:
        proof = Proof("pwd", int(self.clock.now().timestamp()))
        response = self.journey.prove(
            request,
            position,
            opened.account_id,
            opened.knower,
            (proof,),
            own_password=opened.knower is not None,
            password_mark=opened.mark,
            to_choose=False,
            ticket=None,
            fresh_codes=False,
            identifier=entered.identifier.strip(),
            activation_wanted=entered.activate or self._box(position).state == "locked",
            keypad=shuffled(),
        )
        if entered.remember:
            self.cookies.put(response, "identifier", comparable(entered.identifier) or "", REMEMBERED_SECONDS)
        else:
            self.cookies.drop(response, "identifier")
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
                "countdown": days_left(days_until(box.since, self.clock.now())) if box.since else "",
            },
            forgotten_identifier_url=url_for("forgotten.identifier"),
            forgotten_password_url=url_for("forgotten.password"),
            problem_code=code,
            acting_for=position.visitor.acting_for if position.visitor else None,
            continuing=self.selection.shown(position),
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


def _renewed(connection: Connection, account_id: str, knower: str | None, before: str, phc: str) -> bool:
    lock_account(connection, account_id)
    if knower is None:
        return directory.replace_password(connection, account_id, before, phc)
    return assistant_factors.set_own_password(connection, knower, before, phc)
