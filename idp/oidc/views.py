"""The protocol's addresses. No page of a person, no cookie protection: each endpoint guards itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Request, Response, request

from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.client_endpoint import ClientEndpoint
from idp.oidc.discovery import PATHS
from idp.oidc.keys.store import CACHED, KeyStore
from idp.oidc.logout.end_session import EndSession
from idp.oidc.server import TokenServer
from idp.oidc.userinfo.endpoint import UserInfo

_CACHED = f"public, max-age={int(CACHED.total_seconds())}"


@dataclass(frozen=True)
class ProtocolRoom:
    """What the protocol's addresses lead to."""

    authorization: AuthorizationEndpoint
    token: TokenServer
    userinfo: UserInfo
    introspection: ClientEndpoint
    revocation: ClientEndpoint
    end_session: EndSession
    keys: KeyStore
    metadata: Callable[[], bytes]


def protocol_blueprint(room: ProtocolRoom) -> Blueprint:
    """Return the addresses; the application exempts them from form protection as a whole."""
    blueprint = Blueprint("oidc", __name__)

    @blueprint.before_request
    def look_at_keys() -> None:
        # Now and then a statement of its own: here no transaction is open yet that would wait for it.
        room.keys.published()

    answers: dict[str, tuple[list[str], Callable[[Request], Response]]] = {
        "authorization_endpoint": (["GET", "POST"], room.authorization.respond),
        "token_endpoint": (["POST"], room.token.respond),
        "userinfo_endpoint": (["GET", "POST", "OPTIONS"], room.userinfo.respond),
        "introspection_endpoint": (["POST"], room.introspection.respond),
        "revocation_endpoint": (["POST"], room.revocation.respond),
        "end_session_endpoint": (["GET", "POST"], room.end_session.respond),
    }
    for name, (methods, respond) in answers.items():
        blueprint.add_url_rule(PATHS[name], PATHS[name].rpartition("/")[2], _view(respond), methods=methods)

    @blueprint.get("/.well-known/openid-configuration")
    @blueprint.get("/.well-known/oauth-authorization-server", endpoint="authorization_server")
    def discovery() -> Response:
        return _prebuilt(room.metadata())

    @blueprint.get(PATHS["jwks_uri"])
    def jwks() -> Response:
        return _prebuilt(room.keys.published().jwks)

    return blueprint


def _view(respond: Callable[[Request], Response]) -> Callable[[], Response]:
    def view() -> Response:
        return respond(request)

    return view


def _prebuilt(body: bytes) -> Response:
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = _CACHED
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.add_etag()
    response.make_conditional(request)
    return response
