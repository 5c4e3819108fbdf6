"""A small portal on the extension, a stand-in provider, and a browser between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, flash, get_flashed_messages, render_template_string, request
from flask_relying_party import Demand, InsufficientAuthentication, RelyingParty

from tests.clock import MovableClock
from tests.portal.conftest import BASE_URL, Browser, provider, running_provider
from tests.portal.stand_in import CLIENT_ID, CLIENT_SECRET, StandIn

__all__ = ["provider", "running_provider"]

FORM = """<main><form method="post"><input type="hidden" name="form_token" value="{{ sso.form_token }}"></form>
{{ sso.visitor.name }}</main>"""

NewPortal = Callable[..., Flask]


@pytest.fixture
def new_portal(provider: StandIn, clock: MovableClock, tmp_path: Path) -> NewPortal:
    def make(**options: Any) -> Flask:
        app = Flask("portal_of_a_test")
        app.secret_key = "of the portal itself"
        right = {
            "issuer": provider.issuer,
            "base_url": BASE_URL,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "secret_key": "k" * 32,
            "database": tmp_path / "sessions.sqlite",
            "clock": clock,
        }
        sso = RelyingParty(app, **{**right, **options})
        add_pages(app, sso)
        add_operations(app, sso)
        return app

    return make


@pytest.fixture
def portal(new_portal: NewPortal) -> Flask:
    return new_portal()


@pytest.fixture
def browser(portal: Flask, provider: StandIn) -> Browser:
    return Browser(portal, provider)


def add_pages(app: Flask, sso: RelyingParty) -> None:
    """Add a page of each kind."""

    @app.get("/")
    def open_to_all() -> dict[str, Any]:
        return {"visitor": sso.visitor.name if sso.visitor else None, "told": get_flashed_messages()}

    @app.get("/form")
    @sso.login_required
    def form() -> str:
        return render_template_string(FORM)

    @app.get("/strong/<name>")
    @sso.login_required(acr="mfa", max_age=900)
    async def strong(name: str) -> dict[str, Any]:
        return {"name": name, "asked": request.args.to_dict(flat=False), "acr": sso.person.acr}

    @app.get("/own")
    @sso.login_required(assistants=False)
    def own() -> Response:
        return Response("own", headers={"Cache-Control": "private"})

    @app.get("/claims")
    @sso.login_required
    def claims() -> dict[str, Any]:
        return dict(sso.userinfo())

    @app.get("/unprotected")
    def unprotected() -> str:
        return sso.person.name


def add_operations(app: Flask, sso: RelyingParty) -> None:
    """Add what a form of each kind is sent to."""

    @app.route("/strong/<name>/save", methods=["POST", "PUT"])
    @sso.login_required(acr="mfa")
    def save(name: str) -> dict[str, Any]:
        flash("saved")
        typed = {key: values for key, values in request.form.lists() if key != "form_token"}
        return {"name": name, "asked": request.args["page"], "typed": typed, "referrer": request.referrer}

    @app.post("/large")
    @sso.login_required
    def large() -> dict[str, Any]:
        if request.form["amount"] == "1000":
            raise InsufficientAuthentication(Demand(acr="mfa"))
        return {"paid": request.form["amount"]}

    @app.post("/own")
    @sso.login_required(acr="mfa", assistants=False)
    def change() -> dict[str, str]:
        return {"changed": request.form["amount"]}
