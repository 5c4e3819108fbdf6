"""Signing out (RP-Initiated Logout 1.0): at once with a valid hint for this session, else after a question."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Request, Response, request, url_for
from werkzeug.datastructures import MultiDict

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.configuration.addresses import with_query
from idp.login.destination import Visitor, see_other
from idp.login.visitors import Visitors
from idp.oidc.authorization.redirects import MAX_QUERY
from idp.oidc.logout.signed_out import SignedOut
from idp.oidc.tokens import BadToken, TokenMint
from idp.pages import Pages


@dataclass(frozen=True)
class _Asked:
    """What a logout request proved: whose session it is for, and where to go on."""

    sid: str | None
    back: str | None
    """An exact, registered address with the request's ``state``; ``None`` without a valid hint."""
    unknown: bool = False
    """An address was sent with a valid hint, and is not registered."""


@dataclass(frozen=True)
class EndSession:
    """The end-session endpoint with its question and its last page."""

    clients: ClientRegistry
    visitors: Visitors
    mint: TokenMint
    pages: Pages
    signed_out: SignedOut

    def respond(self, request: Request) -> Response:
        """Answer GET or POST of a relying party, or of somebody who wants to sign out."""
        again = urlencode(list(request.form.items(multi=True)))
        if self.visitors.unseen(request) and len(again) <= MAX_QUERY:
            return see_other(f"{request.path}?{again}")
        asked = self._asked(request.values)
        visitor = self.visitors.of(request)
        if visitor is None:
            if asked.sid is not None:
                self.visitors.end_named(asked.sid)
            return see_other(asked.back or url_for("logout.done"))
        if asked.sid == visitor.session.sid:
            return self._out(visitor, asked.back, stays=asked.unknown)
        return self.pages.render(
            "logout.html", acting_for=visitor.acting_for, confirm_url=url_for("logout.confirm")
        )

    def confirm(self, request: Request) -> Response:
        """Take the answer to the question. It ends on a page: nobody proved to have asked on this session's behalf."""
        if "stay" in request.form:
            return see_other(url_for("home.home"))
        visitor = self.visitors.of(request)
        return self._out(visitor, None) if visitor else see_other(url_for("logout.done"))

    def _out(self, visitor: Visitor, back: str | None, *, stays: bool = False) -> Response:
        response = see_other(back or url_for("logout.done"))
        self.visitors.sign_out(visitor, response)
        self.signed_out.remember(visitor.session.sid, stays=stays)
        return response

    def _asked(self, values: MultiDict[str, str]) -> _Asked:
        if any(len(found) > 1 for _name, found in values.lists()):
            return _Asked(None, None)
        try:
            claims = self.mint.hint(values.get("id_token_hint", ""))
        except BadToken:
            return _Asked(None, None)
        client = self.clients.get(str(claims.get("aud")))
        if client is None or (values.get("client_id") or client.client_id) != client.client_id:
            return _Asked(None, None)
        back = _back(client, values)
        return _Asked(
            self.mint.subjects.session_of(client, str(claims.get("sid"))),
            back,
            unknown=back is None and bool(values.get("post_logout_redirect_uri")),
        )


def logout_blueprint(end_session: EndSession) -> Blueprint:
    """Return the addresses ``/logout…``."""
    blueprint = Blueprint("logout", __name__, url_prefix="/logout")

    @blueprint.post("/confirm")
    def confirm() -> Response:
        return end_session.confirm(request)

    @blueprint.get("/done")
    def done() -> Response:
        return end_session.signed_out.page()

    return blueprint


def _back(client: Client, values: MultiDict[str, str]) -> str | None:
    address = values.get("post_logout_redirect_uri")
    if address is None or address not in client.post_logout_redirect_uris:
        return None
    state = values.get("state")
    return with_query(address, {"state": state}) if state else address
