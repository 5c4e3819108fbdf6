"""What the pages of assistants share: whose assistant it is, who asked for the page, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, abort, url_for
from flask_babel import gettext as _

from idp.accounts.delegations import Delegation
from idp.login.destination import Visitor, see_other
from idp.pages import Pages
from idp.profile.practice import Practice


@dataclass(frozen=True)
class Managing:
    """The practice of whoever manages on pages; the guard let them through."""

    practice: Practice
    pages: Pages

    def one(self, visitor: Visitor, delegation_id: str) -> Delegation:
        """Return the account's own assistant; anybody else's does not exist here (404)."""
        listed = self.practice.listed(visitor.party.account)
        found = next((one for one in listed if one.id == delegation_id and one.removed_at is None), None)
        return found or abort(404)

    def full(self, return_uri: str | None = None) -> Response:
        """Return the page for one assistant more than there is room for; it leads back to the service that asked."""
        return self.pages.error(
            409,
            "too_many_assistants",
            _("Nombre maximal d'assistants atteint"),
            _("Supprimez un(e) assistant(e) pour en ajouter un(e) autre."),
            action_url=return_uri or url_for("profile.show"),
            action_label=_("Retour au service") if return_uri else _("Retour au profil"),
        )


def back_to_profile() -> Response:
    """Return to the list."""
    return see_other(url_for("profile.show"))
