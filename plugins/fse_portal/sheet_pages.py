"""The pages of care sheets: one to write and send, the history to look at and cancel.

Neither knows what its operation demands. Where the desk asks for more, the browser goes to the provider with that
demand and comes back into the same operation, with what was typed (RFC 9470 §4).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from fse_portal.beneficiaries import Beneficiary
from fse_portal.clock import MONACO
from fse_portal.frame import page
from fse_portal.gate import Gate
from fse_portal.provider import Provider
from fse_portal.sessions import PortalSession
from fse_portal.sheets import ACTS, AlreadySent, Draft, SheetDesk, read_draft, read_number
from fse_portal.step_up import InsufficientAuthentication
from fse_portal.tabs import FIRST_PAGE, HISTORY, SEARCH, SHEET_PAGE
from fse_portal.unfinished import Posting, unfinished_form

_ONCE_LIMIT = 64


class SendForm:
    """The form of a new sheet: ``/fse/feuille``."""

    def __init__(self, desk: SheetDesk, people: Sequence[Beneficiary]) -> None:
        self._desk = desk
        self._people = people

    def blank(self, session: PortalSession) -> ResponseReturnValue:
        """Return the form for the beneficiary and the day that the search found."""
        draft = self._read(request.args)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        return self._page(session, draft, secrets.token_urlsafe(16), errors={})

    def perform(self, session: PortalSession, form: Mapping[str, str]) -> ResponseReturnValue:
        """Send the sheet and lead to the history; a form that was used for another one is shown as a new one."""
        draft = self._read(form)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        if draft.errors:
            return self._page(session, draft, _once(form), errors=draft.errors), 422
        try:
            number = self._desk.send(session.identity.caller, draft, _once(form))
        except AlreadySent as sent:
            once = secrets.token_urlsafe(16)
            return self._page(session, draft, once, errors={}, because="already_sent", sent=sent.number), 409
        return redirect(f"{HISTORY.path}?transmise={number}", 303)

    def shown_again(
        self, session: PortalSession, form: Mapping[str, str], because: str
    ) -> ResponseReturnValue:
        """Return the form as it was typed, with why it was not sent."""
        draft = self._read(form)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        return self._page(session, draft, _once(form), errors={}, because=because), 403

    def _read(self, typed: Mapping[str, str]) -> Draft:
        return read_draft(typed, self._people, self._desk.today())

    def _page(
        self,
        session: PortalSession,
        draft: Draft,
        once: str,
        *,
        errors: Mapping[str, str],
        because: str | None = None,
        sent: int | None = None,
    ) -> str:
        values = {"draft": draft, "once": once, "errors": errors, "because": because, "sent": sent}
        return page(
            "sheet.html", SEARCH, session, acts=ACTS, action=SHEET_PAGE, history=HISTORY.path, **values
        )


class History:
    """The tab *Historique FSE*: what was sent, each with a form that cancels it."""

    def __init__(self, desk: SheetDesk) -> None:
        self._desk = desk

    def listed(self, session: PortalSession) -> ResponseReturnValue:
        """Return the history; after an operation, with what it did."""
        return self._page(session)

    def perform(self, session: PortalSession, form: Mapping[str, str]) -> ResponseReturnValue:
        """Cancel one and lead back."""
        typed = form.get("feuille", "")
        if (number := read_number(typed)) is not None:
            self._desk.cancel(session.identity.caller, number)
        return redirect(url_for("sheets.history", annulee=typed), 303)

    def shown_again(
        self, session: PortalSession, form: Mapping[str, str], because: str
    ) -> ResponseReturnValue:
        """Return the history, with why nothing was cancelled."""
        return self._page(session, because=because), 403

    def _page(self, session: PortalSession, because: str | None = None) -> str:
        sheets = self._desk.sent(session.identity.caller)
        sent, cancelled = request.args.get("transmise"), request.args.get("annulee")
        done = None
        for sheet in sheets:
            if str(sheet.id) == cancelled and sheet.cancelled_at:
                done = f"La feuille de soins n° {sheet.id} est annulée."
            elif str(sheet.id) == sent and not sheet.cancelled_at:
                done = f"La feuille de soins n° {sheet.id} est transmise."
        return page("history.html", HISTORY, session, sheets=sheets, done=done, because=because, zone=MONACO)


def sheet_pages(gate: Gate, provider: Provider, send: SendForm, history: History) -> Blueprint:
    """Return the pages, and the addresses that their forms are sent to."""
    pages = Blueprint("sheets", __name__)

    def stepping_up(posting: Posting) -> Callable[[PortalSession], ResponseReturnValue]:
        def view(session: PortalSession) -> ResponseReturnValue:
            try:
                return posting.perform(session, request.form)
            except InsufficientAuthentication as needed:
                kept = unfinished_form(request.path, request.form, session.identity)
                return provider.begin(
                    request.path, wishes=needed.demand.parameters(), unfinished=asdict(kept)
                )

        return view

    for path, name, shown, posting in (
        (SHEET_PAGE, "sheet", send.blank, send),
        (HISTORY.path, "history", history.listed, history),
    ):
        pages.add_url_rule(path, name, gate.signed_in(shown), methods=["GET"])
        pages.add_url_rule(path, f"{name}_sent", gate.posted(stepping_up(posting)), methods=["POST"])
    return pages


def _once(form: Mapping[str, str]) -> str:
    """Return what makes a sheet sent twice, by a reload or the back button, one sheet."""
    sent = form.get("brouillon", "")
    return sent if 0 < len(sent) <= _ONCE_LIMIT else secrets.token_urlsafe(16)
