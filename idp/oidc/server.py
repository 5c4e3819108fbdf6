"""The token endpoint on Authlib's server, with what it lets pass closed before it sees a request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error, OAuth2Payload, OAuth2Request
from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from idp.clients.registry import ClientRegistry
from idp.oidc.client_authentication.methods import authenticated

REPEATABLE = frozenset({"resource", "audience"})
"""RFC 8707 §2, RFC 8693 §2.1: the only parameters that may come more than once."""


class _BodyPayload(OAuth2Payload):
    """Parameters of the body alone: what stands in the address does not count."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    @property
    def data(self) -> dict[str, str]:
        """The first value of each parameter."""
        return {name: found[0] for name, found in self._values.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """Every value of each parameter."""
        return defaultdict(list, {name: list(found) for name, found in self._values.items()})


class TokenRequest(OAuth2Request):
    """A token request: the canonical address, the headers, and the body; empty is absent (RFC 6749 §3.2)."""

    def __init__(self, address: str, request: Request) -> None:
        super().__init__(request.method, address, None, dict(request.headers))
        self.payload: _BodyPayload = _BodyPayload(
            {name: sent for name, found in request.form.lists() if (sent := list(filter(None, found)))}
        )

    @property
    def form(self) -> dict[str, str]:
        """The first value of each parameter."""
        return self.payload.data


class TokenServer(AuthorizationServer):
    """Dispatches a token request to its grant: body only, nothing twice, one client authentication."""

    def __init__(self, address: str, clients: ClientRegistry) -> None:
        super().__init__()
        self._address = address
        self._clients = clients

    def respond(self, request: Request) -> Response:
        """Answer one token request."""
        try:
            _refuse_malformed(request)
        except OAuth2Error as error:
            return cast("Response", self.handle_response(*error()))
        return cast("Response", self.create_token_response(request))

    def create_oauth2_request(self, request: Request) -> TokenRequest:
        """Return the request as Authlib's grants read it."""
        return TokenRequest(self._address, request)

    def authenticate_client(self, request: OAuth2Request, methods: object, endpoint: str = "token") -> Any:
        """Return the authenticated ``Client``. Raises ``InvalidClientError`` or ``InvalidRequestError``."""
        del methods, endpoint
        return authenticated(self._clients, request.headers or {}, request.form)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Signals are not used."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        """Return an answer that nobody may store (RFC 6749 §5.1)."""
        response = Response(json.dumps(body), status, headers=list(headers), content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Pragma"] = "no-cache"
        return response


def _refuse_malformed(request: Request) -> None:
    if request.args:
        raise InvalidRequestError("parameters belong into the body")
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidRequestError("the body must be application/x-www-form-urlencoded")
    try:
        form = request.form
    except RequestEntityTooLarge as error:
        raise InvalidRequestError("the body is too large", status_code=413) from error
    if any(len(form.getlist(name)) > 1 for name in form.keys() - REPEATABLE):
        raise InvalidRequestError("a parameter was sent more than once")
    if not form.get("grant_type"):
        raise InvalidRequestError("grant_type is missing")
