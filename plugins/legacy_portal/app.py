"""The one place that wires the portal together."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.wrappers import Response

from legacy_portal.assertion import AssertionVerifier, OnlyThroughTheGateway
from legacy_portal.clock import Clock, ShiftedClock, SystemClock
from legacy_portal.errors import register_errors
from legacy_portal.keys import ProviderKeys
from legacy_portal.pages import INFORMATION, portal_pages
from legacy_portal.settings import Settings

HEALTH = "/healthz"
PUBLIC = (HEALTH, INFORMATION, "/static")
"""Open to everybody here and in the client's file."""

MAX_UPLOAD = 20 * 1024 * 1024


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Return the portal's WSGI application, reached through the gateway alone."""
    clock = clock or (ShiftedClock(settings.shifted_clock) if settings.shifted_clock else SystemClock())
    app = Flask("legacy_portal")
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD
    app.register_blueprint(portal_pages(settings.base_url))
    register_errors(app)
    _register_headers(app)

    @app.get(HEALTH)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    keys = ProviderKeys(settings.issuer, clock)
    verifier = AssertionVerifier(keys, clock, issuer=settings.issuer, audience=settings.audience)
    app.wsgi_app = OnlyThroughTheGateway(app.wsgi_app, verifier, PUBLIC)  # type: ignore[method-assign]
    return app


def _register_headers(app: Flask) -> None:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'"
    )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
