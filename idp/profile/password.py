"""*Modifier le mot de passe*: by the holder in person, who shows the present one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import Request, Response, flash, url_for
from flask_babel import gettext as _

from idp.accounts import directory, failures, passwords, reset_links, sessions
from idp.accounts.failures import Counted, Refused
from idp.accounts.locking import lock_practice
from idp.accounts.party import Account
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.login.journey import Journey
from idp.login.new_password import FIELD, NewPasswords, new_passwords_of
from idp.login.surroundings import Surroundings
from idp.login.throttling import Throttle
from idp.login.visitors import Visitors
from idp.login.wording import throttled, try_again_in
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.pages import Pages, Problem
from idp.plugins import FactorBusy, KnowledgeFactor
from idp.rules.passwords import normalised
from idp.storage.database import Database


@dataclass(frozen=True)
class PasswordPage:
    """Whoever gets here was let through by the guard: with both factors shown lately, where there are two."""

    database: Database
    clock: Clock
    visitors: Visitors
    throttle: Throttle
    knowledge: KnowledgeFactor
    new: NewPasswords
    outbox: Outbox
    pages: Pages

    def show(self, visitor: Visitor) -> Response:
        """Return the page as it is first seen."""
        return self._page(visitor)

    def post(self, request: Request, visitor: Visitor) -> Response:
        """Take *Annuler*, or an attempt, which counts like one at the sign-in."""
        if "cancel" in request.form:
            return _back()
        current, typed = request.form.get("current_password", ""), request.form.get(FIELD, "")
        account = visitor.party.account
        if problems := self._problems(account, current, typed):
            return self._page(visitor, *problems)
        counted = self.throttle.password(request, account.identifier)
        if isinstance(counted, Refused):
            again = Problem("current_password", try_again_in(counted.wait))
            return throttled(self._page(visitor, again, code="slow_down"), counted.wait)
        try:
            before = self._right(account, current)
            phc = self._hashed(account, typed) if before is not None else ""
        except FactorBusy:
            self.throttle.not_judged(counted)
            raise
        if before is None:
            with self.database.write() as connection:
                detail = {"service": "profile"}
                now = self.clock.now()
                record(connection, Event.PASSWORD_REFUSED, now, account_id=account.id, detail=detail)
            wrong = Problem("current_password", str(_("Le mot de passe actuel est incorrect.")))
            return self._page(visitor, wrong, code="invalid_credentials")
        return self._changed(visitor, before, phc, counted)

    def _problems(self, account: Account, current: str, typed: str) -> list[Problem]:
        problems = []
        if not current:
            problems.append(Problem("current_password", str(_("Saisissez votre mot de passe actuel."))))
        if problem := self.new.problem(typed, passwords.chooser_of(account)):
            problems.append(problem)
        elif normalised(typed) == normalised(current):
            problems.append(Problem(FIELD, str(_("Choisissez un mot de passe différent de l'actuel."))))
        return problems

    def _right(self, account: Account, current: str) -> str | None:
        """Return the PHC string that the present password fits."""
        with self.database.read() as connection:
            known = directory.credentials(connection, account.identifier)
        stored = [known.password] if known else []
        return stored[0] if self.knowledge.verify(stored, current).right else None

    def _hashed(self, account: Account, typed: str) -> str:
        with self.database.read() as connection:
            beside = passwords.beside(connection, account.id, self.clock.now())
        return self.knowledge.hash(typed, beside=beside)

    def _changed(self, visitor: Visitor, before: str, phc: str, counted: Counted) -> Response:
        now, session, account = self.clock.now(), visitor.session, visitor.party.account
        with self.database.write() as connection:
            lock_practice(connection, account.id)
            if not directory.replace_password(connection, account.id, before, phc):
                meanwhile = _("Votre compte vient de changer. Recommencez.")
                return self._page(visitor, Problem(None, str(meanwhile)))
            failures.reset(connection, counted, now)
            if not account.activated:
                # A sign-in under way, begun with the old password, could still activate a phone.
                directory.count_from(connection, account.id, now.replace(microsecond=0))
            sessions.end_all(connection, account.id, now, of="everybody", but=session.sid)
            reset_links.forget(connection, account.id)
            record(connection, Event.PASSWORD_CHANGED, now, account_id=account.id)
            self.outbox.tell(connection, Notice.PASSWORD_CHANGED, account.id, now)
        flash(_("Votre mot de passe est modifié. Toutes les autres sessions de ce compte sont terminées."))
        response = _back()
        proofs = tuple(
            replace(proof, at=int(now.timestamp())) if proof.method == "pwd" else proof
            for proof in session.proofs
        )
        renewed = self.visitors.sign_in(visitor, account.id, None, proofs, device=session.device)
        if renewed is not None:
            self.visitors.cookies.put(response, "session", renewed.cookie)
        return response

    def _page(self, visitor: Visitor, *problems: Problem, code: str = "invalid_form") -> Response:
        account = visitor.party.account
        return self.pages.render(
            "password.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code=code,
            identifier=account.identifier,
            asked=self.new.asked(passwords.chooser_of(account)),
            switch_url=url_for("home.switch"),
        )


def password_page(around: Surroundings, journey: Journey) -> PasswordPage:
    """Return the page in these surroundings."""
    return PasswordPage(
        around.database,
        around.clock,
        journey.visitors,
        Throttle(around.database, around.clock, journey.devices),
        around.plugins.knowledge,
        new_passwords_of(around),
        around.outbox,
        around.pages,
    )


def _back() -> Response:
    return see_other(url_for("profile.show"))
