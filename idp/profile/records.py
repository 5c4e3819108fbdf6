"""The addresses of what happened at the account: its journal, its open sessions."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.profile.guard import Guard
from idp.profile.journal import JournalPage
from idp.profile.sessions import SessionsPage


def records_blueprint(guard: Guard, journal: JournalPage, sessions: SessionsPage) -> Blueprint:
    """Return the addresses ``/profile/journal`` and ``/profile/sessions``: who looks is the holder."""
    blueprint = Blueprint("records", __name__, url_prefix="/profile")

    @blueprint.get("/journal")
    def show_journal() -> Response:
        return guard.look(request, lambda visitor: journal.show(request, visitor))

    @blueprint.get("/sessions")
    def show_sessions() -> Response:
        return guard.look(
            request,
            lambda visitor: sessions.show(request, visitor, may_end=guard.own_denial(visitor) is None),
        )

    @blueprint.post("/sessions")
    def end_sessions() -> Response:
        return guard.own_factors(request, lambda visitor: sessions.end(request, visitor))

    return blueprint
