"""The one place that wires the portal together."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, request
from werkzeug.wrappers import Response

from fse_portal.access_token import AccessTokenVerifier
from fse_portal.api import SheetsApi
from fse_portal.backchannel import backchannel_logout
from fse_portal.beneficiaries import seeded
from fse_portal.clock import Clock, ShiftedClock, SystemClock
from fse_portal.database import Database
from fse_portal.errors import register_errors
from fse_portal.gate import Gate
from fse_portal.logout_token import LogoutTokenVerifier
from fse_portal.pending import PendingLogins
from fse_portal.provider import register_provider
from fse_portal.sessions import Limits, Sessions
from fse_portal.settings import Settings
from fse_portal.sheet_pages import History, SendForm, sheet_pages
from fse_portal.sheets import SheetDesk
from fse_portal.sign_in import SignIn
from fse_portal.tabs import HISTORY, SHEET_PAGE
from fse_portal.unfinished import Posting
from fse_portal.views import portal_pages


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Return the portal's WSGI application; raises ``OSError`` or ``sqlite3.Error`` without a database."""
    clock = clock or (ShiftedClock(settings.shifted_clock) if settings.shifted_clock else SystemClock())
    app = Flask("fse_portal")
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SESSION_COOKIE_NAME=f"{settings.cookie_prefix}fse_login",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=16 * 1024,
    )
    database = Database(settings.database)
    limits = Limits(
        timedelta(seconds=settings.session_idle_seconds), timedelta(seconds=settings.session_seconds)
    )
    sessions = Sessions(database, clock, limits)
    provider = register_provider(app, settings, clock, PendingLogins(database, clock))
    gate = Gate(settings, sessions, provider, clock)
    people = seeded()
    desk = SheetDesk(database, clock)
    send, history = SendForm(desk, people), History(desk)
    postings: dict[str, Posting] = {SHEET_PAGE: send, HISTORY.path: history}
    app.register_blueprint(SignIn(settings, provider, sessions, gate, postings, clock).pages())
    app.register_blueprint(portal_pages(settings, gate, clock, people))
    app.register_blueprint(sheet_pages(gate, provider, send, history))
    whose = {"issuer": settings.issuer}
    logouts = LogoutTokenVerifier(provider.keys, clock, client_id=settings.client_id, **whose)
    app.register_blueprint(backchannel_logout(logouts, sessions))
    access = AccessTokenVerifier(
        provider.keys, sessions, clock, resource=settings.resource, required=settings.required_acr, **whose
    )
    app.register_blueprint(SheetsApi(access, desk, people).addresses())
    register_errors(app)
    _register_headers(app, settings)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        with database.connection() as connection:
            connection.execute("SELECT count(*) FROM session")
        return {"status": "ok"}

    return app


def _register_headers(app: Flask, settings: Settings) -> None:
    # Forms may be redirected to the provider (logout, or a search after a session ended): Chromium applies
    # form-action to redirects too.
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {settings.provider_origin}"
    )

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
