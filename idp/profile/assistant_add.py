"""Adding an assistant: who, for how long, with which phone; somebody new, or another practitioner's assistant too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Request, Response, flash, url_for
from flask_babel import gettext as _

from idp.accounts import delegations
from idp.accounts.delegations import AlreadyListed, NewAssistant, TooManyAssistants
from idp.audit.events import Event
from idp.login.destination import Visitor, see_other
from idp.login.enrolment import Enrolments, session_place
from idp.login.link_codes import LinkCodes
from idp.notices.kinds import Notice
from idp.pages import Problem
from idp.profile.forms import AssistantForm, already_listed, end_before_start, entered, problems_of
from idp.profile.managing import Managing, back_to_profile
from idp.profile.practice import Manager
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import Window, first_day, last_day


@dataclass(frozen=True)
class Wish:
    """What a service asked the page for: how it is filled at first, and where it leads back to."""

    client_id: str
    service: str
    return_uri: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class AddAssistant:
    """The page *Ajouter*: of the list, or as a service asked for it."""

    managing: Managing
    enrolments: Enrolments
    links: LinkCodes

    def show(self, visitor: Visitor, wish: Wish | None = None) -> Response:
        """Return the page with the pending QR code, beginning today unless another day is wished."""
        today = self.managing.practice.clock.now().astimezone(FUND_ZONE).date()
        filled = wish.values if wish else {}
        return self._page(visitor, wish, {"valid_from": today.isoformat(), **filled})

    def post(self, request: Request, visitor: Visitor, wish: Wish | None = None) -> Response:
        """Add the assistant whose phone shows the right code."""
        if "cancel" in request.form:
            return _back(wish)
        values = entered(request.form)
        form = AssistantForm(request.form)
        window, problems = _window(form)
        link_code = values["link_code"].strip()
        known = self.links.judge(visitor.party.account.id, link_code) if link_code else None
        if isinstance(known, Problem):
            problems.append(known)
        secret = self.enrolments.secret(_place(visitor))
        step = self.enrolments.confirmed(secret, request.form.get("code", ""))
        if isinstance(step, Problem):
            problems.append(step)
        if problems or window is None or isinstance(step, Problem) or isinstance(known, Problem):
            return self._page(visitor, wish, values, *problems)
        if not self.enrolments.take(_place(visitor), secret):
            used = _("Cette clé a déjà servi : scannez celle qui s'affiche maintenant.")
            return self._page(visitor, wish, values, Problem("code", used))
        if known is None:
            new = NewAssistant(form.name.data or "", window, secret, step)
            return self._added(visitor, wish, new, values)
        if not self.links.take(link_code, known):
            return self._page(visitor, wish, values, self.links.unknown())
        linked = NewAssistant(known.name, window, secret, step, known.person_id, known.delegation_id)
        return self._added(visitor, wish, linked, values)

    def _added(
        self, visitor: Visitor, wish: Wish | None, new: NewAssistant, values: dict[str, str]
    ) -> Response:
        practice = self.managing.practice
        account = visitor.party.account
        by = Manager(account, wish.client_id, wish.service) if wish else Manager(account)
        now = practice.clock.now()
        last = last_day(new.window)
        try:
            with practice.database.write() as connection:
                delegation_id = delegations.add(
                    connection, practice.keyring, by.account.id, new, practice.limit, now
                )
                practice.note(connection, Event.ASSISTANT_ADDED, by, delegation_id, now)
                if new.linked_from is not None:
                    practice.note(connection, Event.ASSISTANT_LINKED, by, delegation_id, now)
                practice.tell(
                    connection,
                    Notice.ASSISTANT_ADDED,
                    by,
                    now,
                    who=new.name,
                    first=first_day(new.window).isoformat(),
                    last=last.isoformat() if last else "",
                )
        except TooManyAssistants:
            return self.managing.full(wish.return_uri if wish else None)
        except AlreadyListed:
            return self._page(visitor, wish, values, already_listed())
        if wish is None:
            flash(_("%(name)s peut désormais s'identifier avec son propre code.", name=new.name), "added")
        return _back(wish)

    def _page(
        self, visitor: Visitor, wish: Wish | None, values: dict[str, str], *problems: Problem
    ) -> Response:
        secret = self.enrolments.secret(_place(visitor))
        return self.managing.pages.render(
            "assistant_add.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=[wish.return_uri] if wish else (),
            service=wish.service if wish else None,
            **self.enrolments.shown(secret, visitor.party.account.identifier),
            values=values,
            switch_url=url_for("home.switch"),
        )


def _back(wish: Wish | None) -> Response:
    return see_other(wish.return_uri) if wish else back_to_profile()


def _window(form: AssistantForm) -> tuple[Window | None, list[Problem]]:
    """Return the span that was entered, and what is wrong with the form."""
    if not form.validate() or form.valid_from.data is None:
        return None, problems_of(form)
    try:
        return form.window(form.valid_from.data), []
    except ValueError:
        return None, [end_before_start()]


def _place(visitor: Visitor) -> str:
    return session_place(visitor.session, "assistant")
