"""The addresses of the profile."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers
from flask import Blueprint, Response, get_flashed_messages, request, url_for
from flask_babel import format_datetime

from idp.accounts import delegations
from idp.accounts.delegations import Delegation
from idp.clock import Clock
from idp.login.destination import Visitor
from idp.login.wording import format_day
from idp.pages import Pages
from idp.profile.assistants import AssistantPages
from idp.profile.guard import Guard
from idp.rules.delegation import PRACTITIONER, first_day, last_day
from idp.storage.database import Database


@dataclass(frozen=True)
class ProfilePage:
    """The account as its holder sees it."""

    database: Database
    clock: Clock
    pages: Pages
    limit: int
    back_url: str | None

    def show(self, visitor: Visitor) -> Response:
        """Return the page."""
        account = visitor.party.account
        is_practitioner = account.profile == PRACTITIONER
        can_manage = visitor.managing_denied(self.clock.now()) is None
        listed = []
        if is_practitioner:
            with self.database.read() as connection:
                listed = list(delegations.of_account(connection, account.id))
        now = self.clock.now()
        present = [one for one in listed if one.removed_at is None and not one.window.is_over(now)]
        may_add = can_manage and is_practitioner and len(present) < self.limit
        return self.pages.render(
            "profile.html",
            account={
                "identifier": account.identifier,
                "matricule_csm": account.attributes.get("matricule_csm"),
                "adeli": account.attributes.get("adeli"),
                "mobile": _written(account.attributes.get("phone_number")),
                "mfa_active": account.activated,
            },
            is_practitioner=is_practitioner,
            can_manage=can_manage,
            delegations=[self._row(one) for one in listed],
            add_url=url_for("profile.add") if may_add else None,
            step_up_url=url_for("profile.step_up"),
            password_url=url_for("profile.password"),
            back_url=self.back_url,
            notice=" ".join(map(str, get_flashed_messages())) or None,
            switch_url=url_for("home.switch"),
            logout_url=url_for("oidc.logout"),
            signed_in={"name": account.name, "acting_for": None},
        )

    def _row(self, one: Delegation) -> dict[str, object]:
        last = last_day(one.window)
        used = format_datetime(one.last_used_at, "dd/MM HH:mm") if one.last_used_at else None
        return {
            "name": one.name,
            "valid_from": format_day(first_day(one.window)),
            "valid_until": format_day(last) if last else None,
            "expired": one.window.is_over(self.clock.now()),
            "removed": one.removed_at is not None,
            "last_used": f"{used}, {one.last_used_for}" if used else None,
            "edit_url": url_for("profile.assistant", delegation_id=one.id),
        }


def _written(number: object) -> str | None:
    """Return a telephone number as the fund's pages write it, *(+33) 6 48 83 38 28*; what is no number, as it is."""
    if not isinstance(number, str):
        return None
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return f"(+{parsed.country_code}) {national.partition(' ')[2]}"


def profile_blueprint(guard: Guard, page: ProfilePage, assistants: AssistantPages) -> Blueprint:
    """Return the addresses ``/profile…``."""
    blueprint = Blueprint("profile", __name__, url_prefix="/profile")

    @blueprint.get("")
    def show() -> Response:
        return guard.look(request, page.show)

    @blueprint.get("/password")
    def password() -> Response:
        return page.pages.render("recovery.html", subject="change", back_url=url_for("profile.show"))

    @blueprint.post("/step-up")
    def step_up() -> Response:
        return guard.step_up(request)

    @blueprint.route("/assistants/new", methods=["GET", "POST"])
    def add() -> Response:
        if request.method == "POST":
            return guard.manage(request, lambda visitor: assistants.add(request, visitor))
        return guard.manage(request, assistants.show_new)

    @blueprint.route("/assistants/<delegation_id>", methods=["GET", "POST"])
    def assistant(delegation_id: str) -> Response:
        if request.method == "POST":
            return guard.manage(request, lambda visitor: assistants.change(request, visitor, delegation_id))
        return guard.manage(request, lambda visitor: assistants.show(visitor, delegation_id))

    return blueprint
