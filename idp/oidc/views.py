"""The protocol's addresses. No page of a person, no cookie protection: each endpoint guards itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Request, Response, request

from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.keys.signing import SigningKeys
from idp.oidc.logout.end_session import EndSession
from idp.oidc.server import TokenServer
from idp.oidc.userinfo import UserInfo

_CACHED = "public, max-age=300"


@dataclass(frozen=True)
class ProtocolRoom:
    """What the protocol's addresses lead to."""

    authorization: AuthorizationEndpoint
    token: TokenServer
    userinfo: UserInfo
    end_session: EndSession
    keys: SigningKeys
    metadata: bytes


def protocol_blueprint(room: ProtocolRoom) -> Blueprint:
    """Return the addresses; the application exempts them from form protection as a whole."""
    blueprint = Blueprint("oidc", __name__)
    answers: dict[str, tuple[list[str], Callable[[Request], Response]]] = {
        "/oauth2/authorize": (["GET", "POST"], room.authorization.respond),
        "/oauth2/token": (["POST"], room.token.respond),
        "/oauth2/userinfo": (["GET", "POST"], room.userinfo.respond),
        "/logout": (["GET", "POST"], room.end_session.respond),
    }
    for path, (methods, respond) in answers.items():
        blueprint.add_url_rule(path, path.rpartition("/")[2], _view(respond), methods=methods)

    @blueprint.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return _prebuilt(room.metadata)

    @blueprint.get("/oauth2/jwks")
    def jwks() -> Response:
        return _prebuilt(room.keys.jwks)

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
