"""The addresses of the profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import phonenumbers
from flask import Blueprint, Response, get_flashed_messages, request, url_for

from idp.accounts import delegations, recovery_codes
from idp.accounts.delegations import Delegation
from idp.clock import Clock
from idp.login.destination import Visitor
from idp.login.wording import days_left, format_day, format_moment
from idp.pages import Pages
from idp.profile.assistants import AssistantPages, assistant_addresses
from idp.profile.guard import Guard
from idp.profile.journal import JournalPage
from idp.profile.password import PasswordPage
from idp.rules.delegation import PRACTITIONER, ends_soon, first_day, last_day
from idp.rules.obligation import days_until
from idp.storage.database import Database


@dataclass(frozen=True)
class ProfilePage:
    """The account as its holder sees it."""

    database: Database
    clock: Clock
    pages: Pages
    limit: int
    back_url: Callable[[], str | None]
    mfa_days: Callable[[], Mapping[str, date | None]]
    """By profile: the first day on which somebody obliges it."""
    journal: JournalPage

    def show(self, visitor: Visitor) -> Response:
        """Return the page."""
        account = visitor.party.account
        is_practitioner = account.profile == PRACTITIONER
        can_manage = visitor.managing_denied(self.clock.now()) is None
        listed = []
        with self.database.read() as connection:
            lines = self.journal.latest(connection, visitor)
            codes_left = recovery_codes.left(connection, account.id)
            if is_practitioner:
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
                "codes_left": codes_left,
            },
            is_practitioner=is_practitioner,
            can_manage=can_manage,
            delegations=[self._row(one) for one in listed],
            add_url=url_for("profile.add") if may_add else None,
            step_up_url=url_for("profile.step_up"),
            mfa_day=None if account.activated else self._mfa_day(account.profile),
            password_url=url_for("profile.password"),
            back_url=self.back_url(),
            phone_url=url_for("factors.phone"),
            codes_url=url_for("factors.codes"),
            journal=lines,
            journal_url=url_for("records.show_journal"),
            sessions_url=url_for("records.show_sessions"),
            consents_url=url_for("consents.show"),
            notice=" ".join(map(str, get_flashed_messages())) or None,
            just_added=bool(get_flashed_messages(category_filter=["added"])),
            leaflet_url=url_for("profile.leaflet"),
            switch_url=url_for("home.switch"),
            logout_url=url_for("oidc.logout"),
            signed_in={"name": account.name, "acting_for": None},
        )

    def _mfa_day(self, profile: str) -> dict[str, str] | None:
        day = self.mfa_days().get(profile)
        if day is None:
            return None
        return {"date": format_day(day), "countdown": days_left(days_until(day, self.clock.now()))}

    def _row(self, one: Delegation) -> dict[str, object]:
        last = last_day(one.window)
        used = format_moment(one.last_used_at, self.clock.now()) if one.last_used_at else None
        return {
            "name": one.name,
            "valid_from": format_day(first_day(one.window)),
            "valid_until": format_day(last) if last else None,
            "expired": one.window.is_over(self.clock.now()),
            "ending_soon": one.removed_at is None and ends_soon(one.window, self.clock.now()),
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


def profile_blueprint(
    guard: Guard, page: ProfilePage, assistants: AssistantPages, password: PasswordPage
) -> Blueprint:
    """Return the addresses ``/profile…``."""
    blueprint = Blueprint("profile", __name__, url_prefix="/profile")

    @blueprint.get("")
    def show() -> Response:
        return guard.look(request, page.show)

    @blueprint.route("/password", methods=["GET", "POST"], endpoint="password")
    def change_password() -> Response:
        if request.method == "POST":
            return guard.own_factors(request, lambda visitor: password.post(request, visitor))
        return guard.own_factors(request, password.show)

    @blueprint.post("/step-up")
    def step_up() -> Response:
        return guard.step_up(request)

    assistant_addresses(blueprint, guard, assistants)
    return blueprint
