"""Who may look at the profile, and who may manage: asked before every page and every change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.audit.events import Event, record
from idp.clock import Clock
from idp.login.destination import Visitor
from idp.login.home import DESTINATION
from idp.login.journey import Journey
from idp.pages import Pages
from idp.rules.delegation import PRACTITIONER, Denial
from idp.rules.next_step import Step
from idp.storage.database import Database


@dataclass(frozen=True)
class Guard:
    """Lets a visitor through to a page, or answers in its place."""

    database: Database
    clock: Clock
    journey: Journey
    pages: Pages

    def look(self, request: Request, page: Callable[[Visitor], Response]) -> Response:
        """Let the account's holder see ``page``; somebody who acts for them is refused, anybody else signs in."""
        asked = {"path": request.path, "acr": "pwd"}
        step, visitor = self.journey.stands(request, DESTINATION, asked)
        if visitor is not None and visitor.party.actor is not None:
            return self._denied(request, visitor, "insufficient_scope")
        if visitor is None or step is not Step.ADMITTED:
            return self.journey.begin(request, DESTINATION, asked)
        return page(visitor)

    def oneself(self, request: Request, title: str, page: Callable[[Visitor], Response]) -> Response:
        """Let whoever is signed in reach ``page``, an assistant too: one that is about their own acts alone.

        ``title`` is its name in French.
        """
        asked = {"path": request.path, "acr": "pwd", "assistants": True, "page": title}
        step, visitor = self.journey.stands(request, DESTINATION, asked)
        if visitor is None or step is not Step.ADMITTED:
            return self.journey.begin(request, DESTINATION, asked)
        return page(visitor)

    def manage(self, request: Request, page: Callable[[Visitor], Response]) -> Response:
        """Let a practitioner with two factors, in person, reach ``page``: one that shows or changes who may enter."""

        def managed(visitor: Visitor) -> Response:
            if visitor.party.account.profile != PRACTITIONER:
                return self._denied(request, visitor, "insufficient_scope")
            denial = visitor.managing_denied(self.clock.now())
            return self._denied(request, visitor, denial) if denial else page(visitor)

        return self.look(request, managed)

    def both_factors(self, request: Request, page: Callable[[Visitor], Response]) -> Response:
        """Let the account's holder, of any profile, with two factors, in person, reach ``page``: one about a factor."""

        def proved(visitor: Visitor) -> Response:
            denial = visitor.managing_denied(self.clock.now())
            return self._denied(request, visitor, denial) if denial else page(visitor)

        return self.look(request, proved)

    def own_factors(self, request: Request, page: Callable[[Visitor], Response]) -> Response:
        """Let the account's holder, of any profile, reach ``page``: one that changes how they themselves enter."""

        def own(visitor: Visitor) -> Response:
            denial = self.own_denial(visitor)
            return self._denied(request, visitor, denial) if denial else page(visitor)

        return self.look(request, own)

    def own_denial(self, visitor: Visitor) -> Denial | None:
        """Return why the holder may not change that now: once they have a second factor, both must be shown anew."""
        return visitor.managing_denied(self.clock.now()) if visitor.party.account.activated else None

    def step_up(self, request: Request) -> Response:
        """Ask for what is missing in place, and come back to the page of the profile that was wanted."""
        profile = url_for("profile.show")
        wanted = request.form.get("path", profile)
        path = wanted if wanted.startswith(f"{profile}/") else profile
        return self.journey.begin(request, DESTINATION, {"path": path, "acr": "mfa"})

    def _denied(self, request: Request, visitor: Visitor, denial: Denial) -> Response:
        actor = visitor.party.actor
        with self.database.write() as connection:
            record(
                connection,
                Event.MANAGING_DENIED,
                self.clock.now(),
                account_id=visitor.party.account.id,
                actor_id=actor.sub if actor else None,
                detail={"why": denial, "endpoint": request.endpoint},
            )
        if denial == "insufficient_user_authentication":
            return self.pages.render(
                "step_up.html",
                status=403,
                step_up_url=url_for("profile.step_up"),
                path=request.path,
                activated=visitor.party.account.activated,
                switch_url=url_for("home.switch"),
            )
        return self.pages.render(
            "error.html",
            status=403,
            acting_for=visitor.party.account.name if actor else None,
            code=denial,
            title=_("Réservé au praticien"),
            text=_("Seul le praticien, identifié avec le code de son propre téléphone, accède à cette page."),
            action_url=url_for("home.home"),
            action_label=_("Retour à l'accueil"),
            switch_url=url_for("home.switch"),
        )
