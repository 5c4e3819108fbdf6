"""The token endpoint on Authlib's server, with what it lets pass closed before it sees a request."""

from __future__ import annotations

from typing import Any, cast

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import BaseGrant, OAuth2Error, OAuth2Request
from flask import Request, Response

from idp.oidc.client_endpoint import Authenticate, ClientRequest, refuse_malformed, told

REPEATABLE = frozenset({"resource", "audience"})
"""RFC 8707 §2, RFC 8693 §2.1: the only parameters that may come more than once."""


class TokenServer(AuthorizationServer):
    """Dispatches a token request to its grant: body only, nothing twice, one client authentication."""

    def __init__(self, address: str, authenticate: Authenticate) -> None:
        super().__init__()
        self._address = address
        self._authenticate = authenticate
        self.grant_types: tuple[str, ...] = ()

    def respond(self, request: Request) -> Response:
        """Answer one token request."""
        try:
            refuse_malformed(request, "grant_type", REPEATABLE)
        except OAuth2Error as error:
            return told(*error())
        return cast("Response", self.create_token_response(request))

    def register_grant(self, grant_cls: type[BaseGrant], extensions: Any = None) -> None:
        """Take a grant, and remember that there is one of its type."""
        super().register_grant(grant_cls, extensions)
        self.grant_types += (str(grant_cls.GRANT_TYPE),)

    def create_oauth2_request(self, request: Request) -> ClientRequest:
        """Return the request as Authlib's grants read it."""
        return ClientRequest(self._address, request)

    def authenticate_client(self, request: OAuth2Request, methods: object, endpoint: str = "token") -> Any:
        """Return the authenticated ``Client``. Raises ``InvalidClientError`` or ``InvalidRequestError``."""
        del methods, endpoint
        return self._authenticate(cast("ClientRequest", request))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Signals are not used."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        """Return an answer that nobody may store."""
        return told(status, body, headers)
