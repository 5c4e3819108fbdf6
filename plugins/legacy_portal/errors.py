"""What goes wrong for a visitor, as a plain page."""

from __future__ import annotations

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

_NOTICES = {
    403: ("forbidden", "Cette page ne vous est pas ouverte", "Elle est réservée au praticien lui-même."),
    404: ("not_found", "Page introuvable", "Cette adresse ne mène à aucune page du portail."),
    405: ("method_not_allowed", "Action impossible", "Cette adresse ne s'ouvre pas ainsi."),
    413: (
        "too_large",
        "Document trop volumineux",
        "20 Mo au plus : réduisez-le ou déposez-le en plusieurs fois.",
    ),
    500: ("internal_error", "Une erreur est survenue", "Elle a été enregistrée. Vous pouvez recommencer."),
}
_OTHER = ("bad_request", "Demande incompréhensible", "Recommencez depuis le portail.")


def register_errors(app: Flask) -> None:
    """Make every failure of ``app`` a page in French with ``data-error``."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        code, title, text = _NOTICES.get(status, _OTHER)
        return render_template("error.html", code=code, title=title, text=text), status
