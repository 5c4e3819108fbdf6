"""The pages of assistants, put together, and their addresses."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request

from idp.login.enrolment import Enrolments
from idp.login.link_codes import link_codes_of
from idp.login.surroundings import Surroundings
from idp.profile.asked import AskedPages, asked_addresses, asked_enrolments_of
from idp.profile.assistant_add import AddAssistant
from idp.profile.assistant_change import ChangeAssistant
from idp.profile.assistant_phone import AssistantPhone
from idp.profile.guard import Guard
from idp.profile.leaflet import Leaflet
from idp.profile.managing import Managing
from idp.profile.practice import practice_of


@dataclass(frozen=True)
class AssistantPages:
    """All of them. Whoever reaches one was let through by the guard."""

    add: AddAssistant
    change: ChangeAssistant
    phone: AssistantPhone
    leaflet: Leaflet
    asked: AskedPages


def assistant_pages(around: Surroundings, enrolments: Enrolments) -> AssistantPages:
    """Return the pages of these surroundings."""
    own_passwords = around.settings.assistants_sign_in == "own_password"
    managing = Managing(practice_of(around), around.pages)
    add = AddAssistant(managing, enrolments, link_codes_of(around))
    return AssistantPages(
        add,
        ChangeAssistant(managing),
        AssistantPhone(managing, enrolments, own_passwords),
        Leaflet(around.pages, own_passwords),
        AskedPages(asked_enrolments_of(around), add, around.pages),
    )


def assistant_addresses(blueprint: Blueprint, guard: Guard, pages: AssistantPages) -> None:
    """Add the addresses ``assistants/…`` to the profile's."""

    @blueprint.route("/assistants/new", methods=["GET", "POST"])
    def add() -> Response:
        if request.method == "POST":
            return guard.manage(request, lambda visitor: pages.add.post(request, visitor))
        return guard.manage(request, pages.add.show)

    @blueprint.get("/assistants/leaflet")
    def leaflet() -> Response:
        return guard.look(request, pages.leaflet.show)

    @blueprint.route("/assistants/<delegation_id>", methods=["GET", "POST"])
    def assistant(delegation_id: str) -> Response:
        page = pages.change
        if request.method == "POST":
            return guard.manage(request, lambda visitor: page.post(request, visitor, delegation_id))
        return guard.manage(request, lambda visitor: page.show(visitor, delegation_id))

    asked_addresses(blueprint, guard, pages.asked)

    @blueprint.route("/assistants/<delegation_id>/phone", methods=["GET", "POST"])
    def phone_of_assistant(delegation_id: str) -> Response:
        page = pages.phone
        if request.method == "POST":
            return guard.manage(request, lambda visitor: page.post(request, visitor, delegation_id))
        return guard.manage(request, lambda visitor: page.show(visitor, delegation_id))
