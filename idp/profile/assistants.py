"""Adding, changing and removing an assistant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Request, Response, abort, flash, url_for
from flask_babel import gettext as _
from sqlalchemy import Connection

from idp.accounts import delegations
from idp.accounts.delegations import Delegation, NewAssistant, TooManyAssistants
from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor, see_other
from idp.login.wording import format_day, no_code, wrong_code
from idp.pages import Pages, Problem, qr_svg
from idp.plugins import Candidate, PossessionFactor
from idp.profile.enrolment import PendingEnrolments
from idp.profile.forms import AssistantForm, EndForm, end_before_start, entered, no_end, problems_of
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import Window, first_day, last_day
from idp.storage.database import Database
from idp.storage.keyring import Keyring


@dataclass(frozen=True)
class AssistantPages:
    """The managing pages. Whoever gets here was let through by the guard."""

    database: Database
    clock: Clock
    keyring: Keyring
    possession: PossessionFactor
    enrolments: PendingEnrolments
    pages: Pages
    limit: int

    def show_new(self, visitor: Visitor) -> Response:
        """Return the page with the pending QR code, beginning today."""
        today = self.clock.now().astimezone(FUND_ZONE).date()
        return self._new_page(visitor, {"valid_from": today.isoformat()})

    def add(self, request: Request, visitor: Visitor) -> Response:
        """Add the assistant whose phone shows the right code."""
        if "cancel" in request.form:
            return _back()
        form = AssistantForm(request.form)
        problems = [] if form.validate() else problems_of(form)
        window = None
        if not problems and form.valid_from.data is not None:
            try:
                window = form.window(form.valid_from.data)
            except ValueError:
                problems.append(end_before_start())
        secret = self.enrolments.secret(visitor.session)
        now = self.clock.now()
        step = self._confirmed(secret, request.form.get("code", ""), now)
        if isinstance(step, Problem):
            problems.append(step)
        if problems or window is None or isinstance(step, Problem):
            return self._new_page(visitor, entered(request.form), *problems)
        new = NewAssistant(form.name.data or "", window, secret, step)
        if not self.enrolments.take(visitor.session, secret):
            used = _("Cette clé a déjà servi : scannez celle qui s'affiche maintenant.")
            return self._new_page(visitor, entered(request.form), Problem("code", used))
        return self._added(visitor, new, now)

    def show(self, visitor: Visitor, delegation_id: str) -> Response:
        """Return the page of one assistant."""
        one = self._one(visitor, delegation_id)
        last = last_day(one.window)
        return self._edit_page(one, {"valid_until": last.isoformat() if last else ""})

    def change(self, request: Request, visitor: Visitor, delegation_id: str) -> Response:
        """Remove the assistant, or give them another last day."""
        one = self._one(visitor, delegation_id)
        if "cancel" in request.form:
            return _back()
        if "remove" in request.form:
            return self._removed(visitor, one)
        form = EndForm(request.form)
        problems = [] if form.validate() else problems_of(form)
        if "valid_until" not in request.form:
            problems.append(no_end())
        window: Window | None = None
        if not problems:
            try:
                window = form.window(first_day(one.window))
            except ValueError:
                problems.append(end_before_start())
        if window is None:
            return self._edit_page(one, entered(request.form), *problems)
        return self._ended(visitor, one, window.end)

    def _confirmed(self, secret: str, typed: str, now: datetime) -> int | Problem:
        code = self.possession.normalised(typed)
        if code is None:
            return Problem("code", no_code())
        steps = [match.step for match in self.possession.matches([Candidate("new", secret)], code, now)]
        return max(steps) if steps else Problem("code", wrong_code())

    def _added(self, visitor: Visitor, new: NewAssistant, now: datetime) -> Response:
        account = visitor.party.account
        try:
            with self.database.write() as connection:
                delegation_id = delegations.add(connection, self.keyring, account.id, new, self.limit, now)
                self._note(connection, Event.ASSISTANT_ADDED, visitor, delegation_id, now)
        except TooManyAssistants:
            return self._full()
        flash(_("%(name)s peut désormais s'identifier avec son propre code.", name=new.name))
        return _back()

    def _removed(self, visitor: Visitor, one: Delegation) -> Response:
        now = self.clock.now()
        with self.database.write() as connection:
            account = visitor.party.account
            if not delegations.remove(connection, account.id, one.id, account.sub, now):
                abort(404)
            self._note(connection, Event.ASSISTANT_REMOVED, visitor, one.id, now)
        flash(_("%(name)s n'a plus aucun accès. Pensez à changer le mot de passe du cabinet.", name=one.name))
        return _back()

    def _ended(self, visitor: Visitor, one: Delegation, end: datetime | None) -> Response:
        now = self.clock.now()
        account_id = visitor.party.account.id
        try:
            with self.database.write() as connection:
                if not delegations.set_end(connection, account_id, one.id, end, self.limit, now):
                    abort(404)
                self._note(connection, Event.ASSISTANT_CHANGED, visitor, one.id, now)
        except TooManyAssistants:
            return self._full()
        flash(_("La fin de validité de %(name)s est enregistrée.", name=one.name))
        return _back()

    def _full(self) -> Response:
        return self.pages.error(
            409,
            "too_many_assistants",
            _("Nombre maximal d'assistants atteint"),
            _("Supprimez un(e) assistant(e) pour en ajouter un(e) autre."),
            action_url=url_for("profile.show"),
            action_label=_("Retour au profil"),
        )

    def _note(
        self, connection: Connection, event: Event, visitor: Visitor, delegation_id: str, now: datetime
    ) -> None:
        detail = {"delegation": delegation_id}
        record(connection, event, now, account_id=visitor.party.account.id, detail=detail)

    def _one(self, visitor: Visitor, delegation_id: str) -> Delegation:
        """Return the account's own assistant; anybody else's does not exist here (404)."""
        with self.database.read() as connection:
            listed = delegations.of_account(connection, visitor.party.account.id)
        found = next((one for one in listed if one.id == delegation_id and one.removed_at is None), None)
        return found or abort(404)

    def _new_page(self, visitor: Visitor, values: dict[str, str], *problems: Problem) -> Response:
        secret = self.enrolments.secret(visitor.session)
        uri = self.possession.enrolment_uri(secret, visitor.party.account.identifier)
        return self.pages.render(
            "assistant_add.html",
            status=422 if problems else 200,
            problems=problems,
            qr_svg=qr_svg(uri),
            key_text=secret,
            otpauth_uri=uri,
            values=values,
            switch_url=url_for("home.switch"),
        )

    def _edit_page(self, one: Delegation, values: dict[str, str], *problems: Problem) -> Response:
        return self.pages.render(
            "assistant_edit.html",
            status=422 if problems else 200,
            problems=problems,
            name=one.name,
            valid_from=format_day(first_day(one.window)),
            values=values,
            switch_url=url_for("home.switch"),
            password_url=url_for("profile.password"),
        )


def _back() -> Response:
    return see_other(url_for("profile.show"))
