"""What went wrong, told to people as a page and to programs as JSON. Nothing of the inside is ever shown."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from idp.oidc.discovery import PATHS
from idp.pages import Pages
from idp.plugins import FactorBusy
from idp.profile.api.problems import ROOT, of_status
from idp.storage.errors import StorageUnavailable

_FOR_PROGRAMS = frozenset(
    PATHS[name]
    for name in ("token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint")
)
"""Addresses whose errors are JSON, whatever went wrong."""

_API = f"{ROOT}/"
"""Addresses whose errors are problems of RFC 9457."""


def register_errors(app: Flask, pages: Pages) -> None:
    """Answer every failure that no view answers itself."""

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:
        del error
        return pages.error(
            400,
            "expired",
            _("Ce formulaire n'est plus valable"),
            _(
                "Il a expiré ou vient d'une autre page. Rien n'a été enregistré : recommencez depuis l'accueil."
            ),
            action_url=url_for("home.home"),
            action_label=_("Recommencer"),
        )

    @app.errorhandler(StorageUnavailable)
    @app.errorhandler(FactorBusy)
    def unavailable(error: Exception) -> Response:
        app.logger.error("unavailable: %s", type(error).__name__)
        if request.path.startswith(_API):
            return of_status(503)
        if request.path in _FOR_PROGRAMS:
            response = _for_a_program(503, "temporarily_unavailable", "try again in a few seconds")
            response.headers["Retry-After"] = "5"
            return response
        response = pages.error(
            503,
            "temporarily_unavailable",
            _("Service momentanément indisponible"),
            _("Rien n'a été enregistré. Réessayez dans quelques secondes."),
        )
        response.headers["Retry-After"] = "5"
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        status = error.code or 500
        if request.path.startswith(_API):
            response = of_status(status)
        elif request.path in _FOR_PROGRAMS:
            response = _for_a_program(
                status, "invalid_request" if status < 500 else "server_error", error.name.lower()
            )
        else:
            response = pages.error(
                status,
                error.name.lower().replace(" ", "_"),
                _("Page introuvable") if status == 404 else _("Demande impossible"),
                _("L'adresse est incomplète ou la page n'existe plus.")
                if status == 404
                else _("La demande n'a pas pu être comprise. Recommencez depuis l'accueil."),
                action_url=url_for("home.home"),
                action_label=_("Retour à l'accueil"),
            )
        if isinstance(allowed := getattr(error, "valid_methods", None), (list, tuple, set)):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response


def _for_a_program(status: int, error: str, description: str) -> Response:
    """Return an answer as RFC 6749 §5.2 has it; every answer of the application is ``no-store``."""
    response = jsonify(error=error, error_description=description)
    response.status_code = status
    response.headers["Pragma"] = "no-cache"
    return response
