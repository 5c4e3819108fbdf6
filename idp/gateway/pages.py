"""What people are shown on a guarded host, in the provider's own look: it is served under the gateway's own paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response
from flask_babel import gettext as _

from idp.clients.gateway import LOGOUT, OWN_PATHS
from idp.gateway.sign_in import SignInFailed
from idp.pages import Pages
from idp.rules.gate import Way

STATIC = f"{OWN_PATHS}/static"


@dataclass(frozen=True)
class GatewayPages:
    """The pages. They offer no language: what a visitor's address says of one is the service's."""

    pages: Pages

    def refused(self, way: str) -> Response:
        """Return the page for somebody whom a rule does not admit, or that nobody may open."""
        match way:
            case Way.ASSISTANT_REFUSED:
                text = _(
                    "Cette page n'est pas ouverte aux assistant(e)s. Seul le praticien y accède, avec le code de son "
                    "propre téléphone."
                )
            case Way.PROFILE_REFUSED:
                text = _(
                    "Cette page n'est pas ouverte à votre profil. Si cet accès devrait être le vôtre, appelez "
                    "l'assistance."
                )
            case _other:
                text = _("Cette adresse n'est ouverte à personne. Vérifiez-la, ou appelez l'assistance.")
                return self._error(403, way, _("Accès refusé"), text)
        label = _("Se déconnecter")
        return self._error(403, way, _("Accès refusé"), text, action_url=LOGOUT, action_label=label)

    def unreadable(self) -> Response:
        """Return the page for an address that could be read in several ways."""
        return self._error(
            400,
            "invalid_request",
            _("Adresse illisible"),
            _("Cette adresse peut se lire de plusieurs façons. Ouvrez la page par les liens du service."),
        )

    def signed_out_meanwhile(self, login_url: str) -> Response:
        """Return the page for a form that was sent after the session ended."""
        return self._error(
            401,
            "login_required",
            _("Votre session a pris fin"),
            _("Rien n'a été envoyé au service. Identifiez-vous, puis recommencez."),
            action_url=login_url,
            action_label=_("S'identifier"),
        )

    def failed(self, failure: SignInFailed) -> Response:
        """Return the page on which a sign-in ends that came to nothing."""
        again = {"action_url": failure.back, "action_label": _("Recommencer")}
        if failure.why == "expired":
            text = _("Cette identification a expiré, a déjà servi ou vient d'un autre navigateur.")
            return self._error(400, "expired", _("Cette page n'est plus valable"), text, **again)
        if failure.why == "unmet":
            text = _("Cette page demande la double authentification, et elle n'a pas été faite.")
            return self._error(403, "unmet_authentication_requirements", _("Accès refusé"), text, **again)
        if failure.why == "unavailable":
            title = _("Service momentanément indisponible")
            text = _("Votre identification n'a pas pu être enregistrée. Recommencez dans quelques secondes.")
            return self._error(503, "temporarily_unavailable", title, text, **again)
        text = _("L'identification n'a pas abouti : elle a été refusée, annulée ou interrompue.")
        return self._error(403, "access_denied", _("Accès refusé"), text, **again)

    def unavailable(self) -> Response:
        """Return the page for a store that cannot serve."""
        return self._error(
            503,
            "temporarily_unavailable",
            _("Service momentanément indisponible"),
            _("Rien n'a été enregistré. Réessayez dans quelques secondes."),
        )

    def signed_out(self) -> Response:
        """Return the last page."""
        return self.pages.render(
            "logged_out.html",
            services=[],
            changing=False,
            to_close=False,
            stays=False,
            refresh_url="",
            **self._own(),
        )

    def _error(self, status: int, code: str, title: str, text: str, **action: Any) -> Response:
        named = {"action_url": None, "action_label": None, **action}
        return self.pages.render(
            "error.html", status=status, code=code, title=title, text=text, **named, **self._own()
        )

    def _own(self) -> dict[str, Any]:
        return {"static_url": self._static_url, "languages": ()}

    def _static_url(self, name: str) -> str:
        return STATIC + self.pages.static_url(name).partition("/static")[2]
