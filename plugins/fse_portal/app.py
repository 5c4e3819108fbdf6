"""The one place that wires the portal together."""

from __future__ import annotations

from flask import Flask, request
from flask_relying_party import Clock, RelyingParty, SystemClock
from werkzeug.wrappers import Response

from fse_portal.api import SheetsApi
from fse_portal.beneficiaries import seeded
from fse_portal.clock import ShiftedClock
from fse_portal.database import Database
from fse_portal.errors import register_errors
from fse_portal.settings import Settings
from fse_portal.sheet_pages import History, SendForm, sheet_pages
from fse_portal.sheets import SheetDesk
from fse_portal.tabs import FIRST_PAGE
from fse_portal.views import portal_pages

SCOPE = "openid profile practitioner offline_access"


def relying_party(app: Flask, settings: Settings, clock: Clock) -> RelyingParty:
    """Make ``app`` a relying party; raises ``OSError`` or ``sqlite3.Error`` without a database."""
    return RelyingParty(
        app,
        issuer=settings.issuer,
        base_url=settings.base_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        secret_key=settings.secret_key.get_secret_value(),
        database=settings.database,
        scope=SCOPE,
        required_acr=settings.required_acr,
        first_page=FIRST_PAGE,
        cookie="fse",
        revalidate_seconds=settings.revalidate_seconds,
        provider_timeout_seconds=settings.provider_timeout_seconds,
        session_idle_seconds=settings.session_idle_seconds,
        session_seconds=settings.session_seconds,
        clock=clock,
    )


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Return the portal's WSGI application; raises ``OSError`` or ``sqlite3.Error`` without a database."""
    clock = clock or (ShiftedClock(settings.shifted_clock) if settings.shifted_clock else SystemClock())
    app = Flask("fse_portal")
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
    sso = relying_party(app, settings, clock)
    people, desk = seeded(), SheetDesk(Database(settings.database), clock)
    app.register_blueprint(portal_pages(sso, settings, clock, people))
    app.register_blueprint(sheet_pages(sso, SendForm(sso, desk, people), History(sso, desk)))
    app.register_blueprint(SheetsApi(sso.access_tokens(settings.resource), desk, people).addresses())
    register_errors(app)
    _register_headers(app, settings)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        sso.check_database()
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
