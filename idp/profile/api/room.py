"""The addresses of the API, and what stands behind them."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.login.surroundings import Surroundings
from idp.oidc.core import Core
from idp.profile.api.assistants import AssistantsApi
from idp.profile.api.bodies import JSON
from idp.profile.api.callers import Callers
from idp.profile.api.idempotency import once_only_of
from idp.profile.api.openapi import document
from idp.profile.api.problems import ROOT, Problem
from idp.profile.asked import asked_enrolments_of
from idp.profile.practice import practice_of


def api_blueprint(around: Surroundings, core: Core) -> Blueprint:
    """Return the addresses ``/api/v1…``, to be exempted from form protection: no cookie counts here."""
    api = AssistantsApi(
        around.settings.issuer,
        Callers(core, around.database, around.clock),
        practice_of(around),
        once_only_of(around),
        asked_enrolments_of(around),
    )
    description = document(around.settings.issuer)
    blueprint = Blueprint("api", __name__, url_prefix=ROOT)

    @blueprint.errorhandler(Problem)
    def problem(error: Problem) -> Response:
        return error.response()

    @blueprint.get("/openapi.json")
    def describe() -> Response:
        return Response(description, content_type=JSON)

    @blueprint.get("/assistants")
    def list_assistants() -> Response:
        return api.list(request)

    @blueprint.get("/assistants/<assistant_id>")
    def show(assistant_id: str) -> Response:
        return api.show(request, assistant_id)

    @blueprint.patch("/assistants/<assistant_id>")
    def change(assistant_id: str) -> Response:
        return api.change(request, assistant_id)

    @blueprint.delete("/assistants/<assistant_id>")
    def remove(assistant_id: str) -> Response:
        return api.remove(request, assistant_id)

    @blueprint.post("/enrolments")
    def enrol() -> Response:
        return api.enrol(request)

    return blueprint
