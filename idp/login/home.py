"""The provider's own front door: choose a profile, be led to its service; change user; local pages as a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from idp.clients.registry import ClientRegistry
from idp.login.admissions import LINK_CODE, PROFILE, Admissions
from idp.login.cookies import Cookies
from idp.login.destination import Visitor, see_other
from idp.login.visitors import Visitors
from idp.pages import Pages, Problem
from idp.rules.assurance import Policy
from idp.rules.delegation import MANAGING_SECONDS
from idp.rules.next_step import Demand
from idp.settings import Settings
from idp.settings_groups import ProfileSettings

DESTINATION = "local"
"""The name of the provider's own pages among the journey's destinations."""


def local_path(wanted: str) -> str:
    """Return ``wanted`` when it is a path of this provider, else ``/``: no scheme, host, backslash or control."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


@dataclass(frozen=True)
class LocalPage:
    """The provider's own pages as a destination: ``{"path": …, "acr": "pwd" | "mfa"}``.

    Assistants are refused, but for the one page of their own, ``{"assistants": true}``.
    """

    profiles: frozenset[str]
    admissions: Admissions

    def demand(self, request: Mapping[str, Any]) -> Demand | None:
        """Return what the page demands; a managing one a recent sign-in with two factors."""
        managing = request.get("acr") == "mfa"
        return Demand(
            profiles=self.profiles,
            policy=Policy.optional(),
            floor="mfa" if managing else "pwd",
            max_age=MANAGING_SECONDS if managing else None,
            assistants_allowed=request.get("assistants") is True,
        )

    def service(self, request: Mapping[str, Any]) -> str | None:
        """Return the page's name in French, as audit and journal keep it; pages say it in their language."""
        return LINK_CODE if request.get("assistants") else PROFILE

    def disclosure(self, request: Mapping[str, Any]) -> None:
        """Return nothing: nobody else is told anything."""
        del request

    def form_action(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """Return nothing: the way leads nowhere else."""
        del request
        return ()

    def admit(self, request: Mapping[str, Any], visitor: Visitor) -> Response:
        """Go to the page."""
        self.admissions.at_own_pages(visitor, LINK_CODE if request.get("assistants") else PROFILE)
        return see_other(local_path(str(request.get("path", "/"))))

    def refuse(self, request: Mapping[str, Any], error: str, description: str) -> Response:
        """Go home."""
        del request, error, description
        return see_other("/")


def home_blueprint(
    settings: Settings, clients: ClientRegistry, visitors: Visitors, cookies: Cookies, pages: Pages
) -> Blueprint:
    """Return the addresses ``/``, ``/register`` and ``/switch``."""
    blueprint = Blueprint("home", __name__)
    services = {name: _login_page(clients, profile) for name, profile in settings.profiles.items()}
    origins = [address for address in services.values() if address]

    def show(selected: str, *problems: Problem) -> Response:
        visitor = visitors.of(request)
        signed_in = None
        if visitor is not None:
            actor = visitor.party.actor
            signed_in = {
                "name": actor.name if actor else visitor.party.account.name,
                "acting_for": visitor.party.account.name if actor else None,
            }
        return pages.render(
            "home.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=origins,
            profiles=[(name, _(profile.label)) for name, profile in settings.profiles.items()],
            selected=selected,
            register_url=settings.register_url or url_for("home.register"),
            signed_in=signed_in,
            acting_for=signed_in["acting_for"] if signed_in else None,
            link_url=url_for("linking.link_code"),
            switch_url=url_for("home.switch"),
        )

    @blueprint.get("/")
    def home() -> Response:
        return show(next(iter(settings.profiles)))

    @blueprint.post("/")
    def choose() -> Response:
        selected = request.form.get("profile", "")
        if selected not in services:
            return show("", Problem("profile", _("Sélectionnez un profil.")))
        address = services[selected]
        return see_other(f"{address}?{urlencode({'iss': settings.issuer})}" if address else "/profile")

    @blueprint.get("/register")
    def register() -> Response:
        return pages.render("register.html")

    @blueprint.post("/switch")
    def switch() -> Response:
        visitor = visitors.of(request)
        response = see_other(url_for("home.home"))
        if visitor is not None:
            visitors.sign_out(visitor, response)
        else:
            cookies.drop(response, "session")
            cookies.drop(response, "proof")
        return response

    return blueprint


def _login_page(clients: ClientRegistry, profile: ProfileSettings) -> str | None:
    """Return where the profile's service starts a sign-in (OpenID Connect Core §4); ``None``: our own profile."""
    client = clients.get(profile.service) if profile.service else None
    return client.initiate_login_uri if client else None
