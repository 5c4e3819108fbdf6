"""The provider's own front door: a profile, or a service once signed in; change user; local pages as a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from idp.login.admissions import PROFILE, Admissions
from idp.login.destination import Visitor, see_other
from idp.login.services import Services
from idp.login.visitors import Visitors
from idp.pages import Pages, Problem
from idp.rules.assurance import Policy
from idp.rules.delegation import MANAGING_SECONDS
from idp.rules.next_step import Demand
from idp.settings import Settings

DESTINATION = "local"
"""The name of the provider's own pages among the journey's destinations."""


def local_path(wanted: str) -> str:
    """Return ``wanted`` when it is a path of this provider, else ``/``: no scheme, host, backslash or control."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


@dataclass(frozen=True)
class LocalPage:
    """The provider's own pages as a destination: ``{"path": …, "acr": "pwd" | "mfa"}``.

    Assistants are refused but at a page for them too: ``{"assistants": true, "page": its name in French}``.
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
        return str(request.get("page", PROFILE))

    def client_id(self, request: Mapping[str, Any]) -> None:
        """Return nothing: no service waits."""
        del request

    def disclosure(self, request: Mapping[str, Any]) -> None:
        """Return nothing: nobody else is told anything."""
        del request

    def form_action(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """Return nothing: the way leads nowhere else."""
        del request
        return ()

    def admit(self, request: Mapping[str, Any], visitor: Visitor) -> Response:
        """Go to the page."""
        self.admissions.at_own_pages(visitor, str(request.get("page", PROFILE)))
        return see_other(local_path(str(request.get("path", "/"))))

    def refuse(self, request: Mapping[str, Any], error: str, description: str) -> Response:
        """Go home."""
        del request, error, description
        return see_other("/")


@dataclass(frozen=True)
class _FrontDoor:
    """The home page: of nobody the choice of a profile, of whoever is signed in their services."""

    settings: Settings
    services: Services
    pages: Pages

    def ways(self) -> Mapping[str, str | None]:
        """Return where each profile's own service starts a sign-in; ``None``: our own profile."""
        return {
            name: self.services.address(profile.service) if profile.service else None
            for name, profile in self.settings.profiles.items()
        }

    def closed(self, selected: str, *problems: Problem) -> Response:
        """Return the page for nobody, with what is selected on it."""
        profiles = self.settings.profiles
        return self.pages.render(
            "home.html",
            status=422 if problems else 200,
            problems=problems,
            form_action=filter(None, self.ways().values()),
            profiles=[(name, _(profile.label)) for name, profile in profiles.items()],
            selected=selected,
            register_url=self.settings.register_url or url_for("home.register"),
        )

    def of(self, visitor: Visitor) -> Response:
        """Return the page of whoever is signed in."""
        return self.pages.render(
            "services.html",
            services=self.services.of(visitor),
            signed_in={"name": visitor.name, "acting_for": visitor.acting_for},
            link_url=url_for("linking.link_code"),
            consents_url=url_for("consents.show"),
            switch_url=url_for("home.switch"),
            logout_url=url_for("oidc.logout"),
        )


def home_blueprint(settings: Settings, services: Services, visitors: Visitors, pages: Pages) -> Blueprint:
    """Return the addresses ``/``, ``/register`` and ``/switch``."""
    blueprint = Blueprint("home", __name__)
    door = _FrontDoor(settings, services, pages)

    @blueprint.get("/")
    def home() -> Response:
        visitor = visitors.of(request)
        return door.closed(next(iter(settings.profiles))) if visitor is None else door.of(visitor)

    @blueprint.post("/")
    def choose() -> Response:
        selected, ways = request.form.get("profile", ""), door.ways()
        if selected in ways:
            return see_other(ways[selected] or url_for("profile.show"))
        if visitors.of(request) is not None:
            return see_other(url_for("home.home"))
        return door.closed("", Problem("profile", _("Sélectionnez un profil.")))

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
            visitors.forget(response)
        return response

    return blueprint
