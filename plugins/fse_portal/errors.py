"""What goes wrong for a visitor, as a plain page of the portal: what happened, and how to start again."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask, Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_relying_party import SignInFailed
from werkzeug.exceptions import HTTPException

FOR_PROGRAMS = ("/api/", "/backchannel-logout")
"""Paths that no browser shows: their errors are JSON."""

KEEPS_FORMS = "sheets"
"""The blueprint whose forms may be sent again: the same twice is done once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """The words of one kind of error page."""

    code: str
    status: int
    title: str
    text: str


_NOT_FOUND = Notice("not_found", 404, "Page introuvable", "Cette adresse ne mène à aucune page du portail.")
_NOT_ALLOWED = Notice("method_not_allowed", 405, "Action impossible", "Cette adresse ne s’ouvre pas ainsi.")
_NOT_UNDERSTOOD = Notice("bad_request", 400, "Demande incompréhensible", "Recommencez depuis le portail.")
_OURS = Notice(
    "internal_error", 500, "Une erreur est survenue", "Elle a été enregistrée. Vous pouvez recommencer."
)
_OF_HTTP = {404: _NOT_FOUND, 405: _NOT_ALLOWED, 500: _OURS}


def register_errors(app: Flask) -> None:
    """Make every failure of ``app`` a page in French with ``data-error``, or JSON, never a stack trace."""

    @app.errorhandler(SignInFailed)
    def refused(failed: SignInFailed) -> ResponseReturnValue:
        log.warning("refused: %s", failed.code)
        notice = Notice(failed.code, failed.status, failed.title, failed.text)
        return *_page(notice, failed.retry, failed.kept), failed.headers

    @app.errorhandler(sqlite3.Error)
    def storage_unavailable(error: sqlite3.Error) -> ResponseReturnValue:
        log.error("storage unavailable: %s", error)
        failed = SignInFailed("storage_unavailable")
        if request.blueprint == KEEPS_FORMS:
            # What was typed waits in the page itself, with the token of its form, to be sent to where it was sent.
            failed.kept = tuple(request.form.items(multi=True))
        return refused(failed)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        return _page(_OF_HTTP.get(error.code or 500, _NOT_UNDERSTOOD), url_for("relying_party.login"))


def _page(notice: Notice, retry: str, kept: Sequence[tuple[str, str]] = ()) -> tuple[Response | str, int]:
    if request.path.startswith(FOR_PROGRAMS):
        return jsonify(error=notice.code), notice.status
    return render_template("error.html", notice=notice, retry=retry, kept=kept), notice.status
