"""The portal's pages. None of them sees ``acr``: how somebody signed in changes nothing that they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_relying_party import Clock, RelyingParty

from fse_portal.beneficiaries import FUNDS, Beneficiary, find, read_search
from fse_portal.clock import today_in_monaco
from fse_portal.frame import page
from fse_portal.settings import Settings
from fse_portal.tabs import EMPTY_TABS, FIRST_PAGE, PROFILE, SEARCH, SHEET_PAGE, Tab


def portal_pages(
    sso: RelyingParty, settings: Settings, clock: Clock, people: Sequence[Beneficiary]
) -> Blueprint:
    """Return the home page and the page of each tab."""
    pages = Blueprint("portal", __name__)

    @pages.get("/")
    def home() -> ResponseReturnValue:
        if sso.visitor:
            return redirect(FIRST_PAGE)
        return render_template("home.html", login=url_for("relying_party.login"))

    def search() -> ResponseReturnValue:
        asked = read_search(request.args, today=today_in_monaco(clock))
        found, day = (None, None)
        if asked.asked and not asked.errors:
            found, day = find(people, asked)
        shown = page(
            sso,
            "search.html",
            SEARCH,
            search=asked,
            found=found,
            day=day,
            funds=FUNDS,
            sheet_page=SHEET_PAGE,
        )
        return shown, 400 if asked.errors else 200

    def profile() -> ResponseReturnValue:
        if sso.person.actor is None:
            return redirect(settings.profile_page)
        return page(sso, "profile_reserved.html", PROFILE), 403

    def empty(tab: Tab) -> Callable[[], ResponseReturnValue]:
        return lambda: page(sso, "empty_tab.html", tab)

    views = {SEARCH: search, PROFILE: profile} | {tab: empty(tab) for tab in EMPTY_TABS}
    for tab, view in views.items():
        pages.add_url_rule(tab.path, tab.endpoint, sso.login_required(view), methods=["GET"])
    return pages
