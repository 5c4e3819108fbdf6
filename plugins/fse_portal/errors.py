"""What goes wrong for a visitor, as a plain page: what happened, and how to start again."""

from __future__ import annotations

import logging
import re
import sqlite3
from dataclasses import dataclass

import requests
from flask import Flask, Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

RETRY_AFTER_SECONDS = 5
FOR_PROGRAMS = ("/api/", "/backchannel-logout")
"""Paths that no browser shows: their errors are JSON."""

KEEPS_FORMS = "sheets"
"""The blueprint whose forms may be sent again: the same twice is done once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """The words of one kind of error page."""

    status: int
    title: str
    text: str


class Refused(Exception):
    """A sign-in or a form was refused; ``code`` is what the page carries in ``data-error``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_NOT_TRUSTED = Notice(
    502,
    "La réponse du service d’identification a été refusée",
    "Le portail n’a pas pu vérifier cette identification. Rien n’a été ouvert ; vous pouvez recommencer.",
)
_PROVIDER_FAILED = Notice(
    502,
    "L’identification n’a pas abouti",
    "Le service d’identification a répondu par une erreur. Vous pouvez recommencer.",
)
_NOTICES = {
    "access_denied": Notice(
        403,
        "L’identification n’a pas abouti",
        "Elle a été annulée, ou l’accès à ce portail ne vous est pas ouvert.",
    ),
    "unmet_authentication_requirements": Notice(
        403,
        "Une double authentification est nécessaire",
        "Ce portail demande une identification plus forte que celle qui a été faite.",
    ),
    "invalid_state": Notice(
        400,
        "Cette identification n’est plus valable",
        "Elle a expiré, a déjà servi, ou a été commencée dans un autre navigateur.",
    ),
    "invalid_request": Notice(400, "Demande incomplète ou modifiée", "Recommencez depuis le portail."),
    "invalid_issuer": Notice(
        400,
        "Service d’identification inconnu",
        "Cette demande ne vient pas du service d’identification des Caisses Sociales de Monaco.",
    ),
    "invalid_form": Notice(
        400,
        "Ce formulaire n’est plus valable",
        "La page est restée ouverte trop longtemps. Revenez au portail et recommencez.",
    ),
    "session_ended": Notice(
        403,
        "Cette session a été fermée",
        "Une déconnexion a eu lieu pendant cette identification. Vous pouvez recommencer.",
    ),
    "invalid_token": _NOT_TRUSTED,
    "invalid_response": _NOT_TRUSTED,
    "provider_unavailable": Notice(
        503,
        "Le service d’identification ne répond pas",
        "Rien n’est perdu. Patientez quelques secondes, puis réessayez.",
    ),
    "storage_unavailable": Notice(
        503,
        "Le portail est momentanément indisponible",
        "Patientez quelques secondes, puis réessayez.",
    ),
    "not_found": Notice(404, "Page introuvable", "Cette adresse ne mène à aucune page du portail."),
    "method_not_allowed": Notice(405, "Action impossible", "Cette adresse ne s’ouvre pas ainsi."),
    "bad_request": Notice(400, "Demande incompréhensible", "Recommencez depuis le portail."),
    "internal_error": Notice(
        500, "Une erreur est survenue", "Elle a été enregistrée. Vous pouvez recommencer."
    ),
}
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 500: "internal_error"}


def provider_code(error: str) -> str:
    """Return the provider's error code as it may be shown: RFC 6749 names, nothing that a visitor made up."""
    return error if re.fullmatch(r"[a-z_]{1,50}", error) else "invalid_response"


def register_errors(app: Flask) -> None:
    """Make every failure of ``app`` a page in French with ``data-error``, or JSON, never a stack trace."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        log.warning("refused: %s", error.code)
        return _page(error.code)

    @app.errorhandler(requests.RequestException)
    def provider_unavailable(error: requests.RequestException) -> ResponseReturnValue:
        # The exception's text may quote an address with its query; its type says enough.
        log.error("provider unavailable: %s", type(error).__name__)
        return *_page("provider_unavailable"), {"Retry-After": str(RETRY_AFTER_SECONDS)}

    @app.errorhandler(sqlite3.Error)
    def storage_unavailable(error: sqlite3.Error) -> ResponseReturnValue:
        log.error("storage unavailable: %s", error)
        return *_page("storage_unavailable"), {"Retry-After": str(RETRY_AFTER_SECONDS)}

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        return _page(_HTTP_CODES.get(error.code or 500, "bad_request"))


def _page(code: str) -> tuple[Response | str, int]:
    notice = _NOTICES.get(code, _PROVIDER_FAILED)
    if request.path.startswith(FOR_PROGRAMS):
        return jsonify(error=code), notice.status
    again = notice.status == 503
    retry = request.full_path.rstrip("?") if again and request.method == "GET" else url_for("sign_in.login")
    # What was typed waits in the page itself, with the token of its form, to be sent to where it was sent.
    kept = list(request.form.items(multi=True)) if again and request.blueprint == KEEPS_FORMS else []
    return render_template("error.html", code=code, notice=notice, retry=retry, kept=kept), notice.status
