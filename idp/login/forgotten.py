"""A forgotten password or identifier: asked for here, answered by a message, and the same page for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Request, Response, request, url_for
from flask_babel import gettext as _

from idp.accounts import directory
from idp.accounts.failures import Refused
from idp.accounts.identifier import comparable
from idp.login.new_password import new_passwords_of
from idp.login.reset import ResetPage
from idp.login.surroundings import Surroundings
from idp.login.throttling import Throttle
from idp.notices.outbox import Outbox
from idp.notices.requests import Forgotten, RecoveryRequests
from idp.pages import Pages, Problem
from idp.storage.database import Database

_LONGEST_TYPED: Final = 254


@dataclass(frozen=True)
class ForgottenPage:
    """Asks for an identifier or an e-mail address. Where nobody can be told anything, it says whom to call."""

    database: Database
    throttle: Throttle
    requests: RecoveryRequests
    outbox: Outbox
    pages: Pages

    def show(self, forgotten: Forgotten, back_url: str | None) -> Response:
        """Return the page as it is first seen."""
        if not self.outbox.reaches:
            return self.pages.render("recovery.html", back_url=back_url)
        return self._page(forgotten, "", back_url)

    def post(self, request: Request, forgotten: Forgotten) -> Response:
        """Note what was typed. The answer tells nothing, not even that somebody asks too often."""
        if not self.outbox.reaches:
            return self.pages.render("recovery.html")
        typed = request.form.get("typed", "")
        wanted = comparable(typed) if forgotten == "password" else _address(typed)
        if wanted is None:
            return self._page(forgotten, typed[:_LONGEST_TYPED], None, _nothing_typed(forgotten))
        with self.database.write() as connection:
            begun = self.throttle.forgotten(connection, request, forgotten, wanted)
            if not isinstance(begun, Refused):
                self.requests.note(connection, forgotten, wanted)
        return self.pages.render("forgotten_sent.html", forgotten=forgotten, back_url=url_for("home.home"))

    def _page(self, forgotten: Forgotten, typed: str, back_url: str | None, *problems: Problem) -> Response:
        return self.pages.render(
            "forgotten.html",
            status=422 if problems else 200,
            problems=problems,
            forgotten=forgotten,
            typed=typed,
            back_url=back_url or url_for("home.home"),
        )


def forgotten_blueprint(page: ForgottenPage, reset: ResetPage) -> Blueprint:
    """Return the addresses ``/forgotten/…``."""
    blueprint = Blueprint("forgotten", __name__, url_prefix="/forgotten")

    def ask(forgotten: Forgotten) -> Response:
        if request.method == "POST":
            return page.post(request, forgotten)
        return page.show(forgotten, _page_before(request))

    for name in ("password", "identifier"):
        blueprint.add_url_rule(f"/{name}", name, ask, defaults={"forgotten": name}, methods=["GET", "POST"])

    @blueprint.get("/reset/<token>")
    def follow(token: str) -> Response:
        return reset.follow(token)

    @blueprint.route("/reset", methods=["GET", "POST"], endpoint="reset")
    def choose() -> Response:
        return reset.post(request) if request.method == "POST" else reset.show()

    return blueprint


def forgotten_addresses(around: Surroundings, throttle: Throttle) -> Blueprint:
    """Return the addresses in these surroundings."""
    requests = RecoveryRequests(
        around.database, around.clock, around.keyring, around.outbox, around.settings.issuer
    )
    return forgotten_blueprint(
        ForgottenPage(around.database, throttle, requests, around.outbox, around.pages),
        ResetPage(
            around.database,
            around.clock,
            around.plugins.knowledge,
            new_passwords_of(around),
            around.outbox,
            around.pages,
        ),
    )


def _page_before(request: Request) -> str | None:
    """Return the page of ours that led here, so that the way back keeps the sign-in under way."""
    before = request.referrer or ""
    return before if before.startswith(f"{request.host_url}signin/") else None


def _address(typed: str) -> str | None:
    """Return the key of what may be an e-mail address."""
    name, at, host = typed.strip().rpartition("@")
    plausible = name and at and host and len(typed) <= _LONGEST_TYPED
    return directory.email_key({"email": typed}) if plausible else None


def _nothing_typed(forgotten: Forgotten) -> Problem:
    if forgotten == "password":
        return Problem("typed", str(_("Saisissez votre identifiant.")))
    return Problem("typed", str(_("Saisissez votre adresse e-mail, par exemple nom@exemple.fr.")))
