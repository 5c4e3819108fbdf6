"""The pages of care sheets: one to write and send, the history to look at and cancel.

Neither knows what its operation demands. Where the desk asks for more, ``login_required`` sends the browser to the
provider with that demand, and it comes back into the same operation, with what was typed (RFC 9470 §4).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_relying_party import RelyingParty

from fse_portal.beneficiaries import Beneficiary
from fse_portal.clock import MONACO
from fse_portal.frame import page
from fse_portal.sheets import ACTS, AlreadySent, Draft, SheetDesk, read_draft, read_number
from fse_portal.tabs import FIRST_PAGE, HISTORY, SEARCH, SHEET_PAGE

_ONCE_LIMIT = 64


class SendForm:
    """The form of a new sheet: ``/fse/feuille``."""

    def __init__(self, sso: RelyingParty, desk: SheetDesk, people: Sequence[Beneficiary]) -> None:
        self._sso = sso
        self._desk = desk
        self._people = people

    def blank(self) -> ResponseReturnValue:
        """Return the form for the beneficiary and the day that the search found."""
        draft = self._read(request.args)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        return self._page(draft, secrets.token_urlsafe(16), errors={})

    def perform(self) -> ResponseReturnValue:
        """Send the sheet and lead to the history; a form that was used for another one is shown as a new one."""
        draft = self._read(request.form)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        if draft.errors:
            return self._page(draft, _once(request.form), errors=draft.errors), 422
        try:
            number = self._desk.send(self._sso.person, draft, _once(request.form))
        except AlreadySent as sent:
            once = secrets.token_urlsafe(16)
            return self._page(draft, once, errors={}, because="already_sent", sent=sent.number), 409
        return redirect(f"{HISTORY.path}?transmise={number}", 303)

    def shown_again(self, because: str) -> ResponseReturnValue:
        """Return the form as it was typed, with why it was not sent."""
        draft = self._read(request.form)
        if draft.beneficiary is None:
            return redirect(FIRST_PAGE)
        return self._page(draft, _once(request.form), errors={}, because=because), 403

    def _read(self, typed: Mapping[str, str]) -> Draft:
        return read_draft(typed, self._people, self._desk.today())

    def _page(
        self,
        draft: Draft,
        once: str,
        *,
        errors: Mapping[str, str],
        because: str | None = None,
        sent: int | None = None,
    ) -> str:
        values = {"draft": draft, "once": once, "errors": errors, "because": because, "sent": sent}
        return page(
            self._sso, "sheet.html", SEARCH, acts=ACTS, action=SHEET_PAGE, history=HISTORY.path, **values
        )


class History:
    """The tab *Historique FSE*: what was sent, each with a form that cancels it."""

    def __init__(self, sso: RelyingParty, desk: SheetDesk) -> None:
        self._sso = sso
        self._desk = desk

    def listed(self) -> ResponseReturnValue:
        """Return the history; after an operation, with what it did."""
        return self._page()

    def perform(self) -> ResponseReturnValue:
        """Cancel one and lead back."""
        typed = request.form.get("feuille", "")
        if (number := read_number(typed)) is not None:
            self._desk.cancel(self._sso.person, number)
        return redirect(url_for("sheets.history", annulee=typed), 303)

    def shown_again(self, because: str) -> ResponseReturnValue:
        """Return the history, with why nothing was cancelled."""
        return self._page(because), 403

    def _page(self, because: str | None = None) -> str:
        sheets = self._desk.sent(self._sso.person)
        sent, cancelled = request.args.get("transmise"), request.args.get("annulee")
        done = None
        for sheet in sheets:
            if str(sheet.id) == cancelled and sheet.cancelled_at:
                done = f"La feuille de soins n° {sheet.id} est annulée."
            elif str(sheet.id) == sent and not sheet.cancelled_at:
                done = f"La feuille de soins n° {sheet.id} est transmise."
        return page(
            self._sso, "history.html", HISTORY, sheets=sheets, done=done, because=because, zone=MONACO
        )


def sheet_pages(sso: RelyingParty, send: SendForm, history: History) -> Blueprint:
    """Return the pages, and the addresses that their forms are sent to."""
    pages = Blueprint("sheets", __name__)
    pages.get(SHEET_PAGE, endpoint="sheet")(sso.login_required(send.blank))
    pages.post(SHEET_PAGE, endpoint="sheet_sent")(
        sso.login_required(again=send.shown_again)(send.perform),
    )
    pages.get(HISTORY.path, endpoint="history")(sso.login_required(history.listed))
    pages.post(HISTORY.path, endpoint="history_sent")(
        sso.login_required(again=history.shown_again)(history.perform)
    )
    return pages


def _once(form: Mapping[str, str]) -> str:
    """Return what makes a sheet sent twice, by a reload or the back button, one sheet."""
    sent = form.get("brouillon", "")
    return sent if 0 < len(sent) <= _ONCE_LIMIT else secrets.token_urlsafe(16)
