"""What an assistant needs to know, on one sheet of paper: without a password, without a secret."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, abort, url_for

from idp.login.destination import Visitor
from idp.pages import Pages
from idp.rules.delegation import PRACTITIONER


@dataclass(frozen=True)
class Leaflet:
    """The page that a practitioner prints for an assistant."""

    pages: Pages
    own_passwords: bool

    def show(self, visitor: Visitor) -> Response:
        """Return the page; for an account that has no assistants there is none (404)."""
        account = visitor.party.account
        if account.profile != PRACTITIONER:
            abort(404)
        return self.pages.render(
            "leaflet.html",
            practitioner=account.name,
            identifier=account.identifier,
            own_passwords=self.own_passwords,
            back_url=url_for("profile.show"),
            switch_url=url_for("home.switch"),
        )
