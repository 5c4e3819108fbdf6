"""One assistant of the list: another last day, or removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Request, Response, abort, flash, url_for
from flask_babel import gettext as _

from idp.accounts.delegations import Delegation, TooManyAssistants
from idp.login.destination import Visitor
from idp.login.wording import format_day
from idp.pages import Problem
from idp.profile.forms import EndForm, end_before_start, entered, no_end, problems_of
from idp.profile.managing import Managing, back_to_profile
from idp.profile.practice import Manager
from idp.rules.delegation import Window, first_day, last_day


@dataclass(frozen=True)
class ChangeAssistant:
    """The page *Modifier*, with *Supprimer*."""

    managing: Managing

    def show(self, visitor: Visitor, delegation_id: str) -> Response:
        """Return the page."""
        one = self.managing.one(visitor, delegation_id)
        last = last_day(one.window)
        return self._page(one, {"valid_until": last.isoformat() if last else ""})

    def post(self, request: Request, visitor: Visitor, delegation_id: str) -> Response:
        """Remove the assistant, or give them another last day."""
        one = self.managing.one(visitor, delegation_id)
        if "cancel" in request.form:
            return back_to_profile()
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
            return self._page(one, entered(request.form), *problems)
        return self._ended(visitor, one, window.end)

    def _removed(self, visitor: Visitor, one: Delegation) -> Response:
        if not self.managing.practice.remove(Manager(visitor.party.account), one):
            abort(404)
        flash(_("%(name)s n'a plus aucun accès. Pensez à changer le mot de passe du cabinet.", name=one.name))
        return back_to_profile()

    def _ended(self, visitor: Visitor, one: Delegation, end: datetime | None) -> Response:
        try:
            if not self.managing.practice.set_end(Manager(visitor.party.account), one, end):
                abort(404)
        except TooManyAssistants:
            return self.managing.full()
        flash(_("La fin de validité de %(name)s est enregistrée.", name=one.name))
        return back_to_profile()

    def _page(self, one: Delegation, values: dict[str, str], *problems: Problem) -> Response:
        return self.managing.pages.render(
            "assistant_edit.html",
            status=422 if problems else 200,
            problems=problems,
            name=one.name,
            valid_from=format_day(first_day(one.window)),
            values=values,
            phone_url=url_for("profile.phone_of_assistant", delegation_id=one.id),
            switch_url=url_for("home.switch"),
            password_url=url_for("profile.password"),
        )
