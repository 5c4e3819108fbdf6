"""*Travailler aussi pour un autre praticien*: the page where a signed-in assistant gets a link code."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from idp.login.admissions import LINK_CODE
from idp.login.home import DESTINATION
from idp.login.journey import Journey
from idp.login.link_codes import LinkCodes
from idp.pages import Pages
from idp.rules.next_step import Step

_ASKED: Final[dict[str, Any]] = {
    "path": "/link-code",
    "acr": "mfa",
    "assistants": True,
    "page": LINK_CODE,
}


def linking_blueprint(journey: Journey, codes: LinkCodes, pages: Pages) -> Blueprint:
    """Return the address ``/link-code``: for assistants, signed in within the last quarter of an hour."""
    blueprint = Blueprint("linking", __name__)

    @blueprint.route("/link-code", methods=["GET", "POST"])
    def link_code() -> Response:
        step, visitor = journey.stands(request, DESTINATION, _ASKED)
        actor = visitor.party.actor if visitor is not None else None
        if visitor is not None and actor is None:
            return pages.error(
                403,
                "assistants_only",
                _("Réservé aux assistant(e)s"),
                _("Un code de rattachement se demande en étant identifié comme assistant(e)."),
                action_url=url_for("home.home"),
                action_label=_("Retour à l'accueil"),
            )
        if visitor is None or actor is None or step is not Step.ADMITTED:
            return journey.begin(request, DESTINATION, _ASKED)
        return pages.render(
            "link_code.html",
            acting_for=visitor.acting_for,
            practitioner=visitor.party.account.name,
            code=codes.new(actor.delegation_id) if request.method == "POST" else None,
            back_url=url_for("home.home"),
            switch_url=url_for("home.switch"),
        )

    return blueprint
