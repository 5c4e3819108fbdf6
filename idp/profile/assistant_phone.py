"""A new phone for an assistant, who stays the same person: ``act.sub`` is kept."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request, Response, abort, flash, url_for
from flask_babel import gettext as _

from idp.accounts import assistant_factors
from idp.accounts.delegations import Delegation
from idp.audit.events import Event
from idp.login.destination import Visitor, see_other
from idp.login.enrolment import Enrolments, session_place
from idp.notices.kinds import Notice
from idp.pages import Problem
from idp.profile.managing import Managing, back_to_profile
from idp.profile.practice import Manager


@dataclass(frozen=True)
class AssistantPhone:
    """The page *Nouveau téléphone*."""

    managing: Managing
    enrolments: Enrolments
    own_passwords: bool
    """Assistants sign in with a password of their own: whoever gets a phone from the practitioner chooses it anew."""

    def show(self, visitor: Visitor, delegation_id: str) -> Response:
        """Return the page with a QR code for this assistant only."""
        return self._page(visitor, self.managing.one(visitor, delegation_id))

    def post(self, request: Request, visitor: Visitor, delegation_id: str) -> Response:
        """Replace the phone by the one that shows the right code."""
        one = self.managing.one(visitor, delegation_id)
        if "cancel" in request.form:
            return see_other(url_for("profile.assistant", delegation_id=one.id))
        place = _place(visitor, one)
        secret = self.enrolments.secret(place)
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        if isinstance(step, Problem):
            return self._page(visitor, one, step)
        if not self.enrolments.take(place, secret):
            used = _("Cette clé a déjà servi : scannez celle qui s'affiche maintenant.")
            return self._page(visitor, one, Problem("code", used))
        return self._replaced(visitor, one, secret, step)

    def _replaced(self, visitor: Visitor, one: Delegation, secret: str, step: int) -> Response:
        practice, by = self.managing.practice, Manager(visitor.party.account)
        now = practice.clock.now()
        with practice.database.write() as connection:
            if not assistant_factors.replace_phone(
                connection, practice.keyring, by.account.id, one.id, secret, step, now
            ):
                abort(404)
            practice.note(connection, Event.ASSISTANT_PHONE_REPLACED, by, one.id, now)
            practice.tell(connection, Notice.PHONE_ADDED, by, now, who=one.name)
        flash(
            _("Le nouveau téléphone de %(name)s est enregistré ; l'ancien n'ouvre plus rien.", name=one.name)
        )
        return back_to_profile()

    def _page(self, visitor: Visitor, one: Delegation, *problems: Problem) -> Response:
        secret = self.enrolments.secret(_place(visitor, one))
        return self.managing.pages.render(
            "assistant_phone.html",
            status=422 if problems else 200,
            problems=problems,
            problem_code="invalid_code",
            **self.enrolments.shown(secret, visitor.party.account.identifier),
            name=one.name,
            own_passwords=self.own_passwords,
            switch_url=url_for("home.switch"),
        )


def _place(visitor: Visitor, one: Delegation) -> str:
    return session_place(visitor.session, f"phone:{one.id}")
