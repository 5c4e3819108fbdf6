"""The one way to what clients post to: body only, nothing twice, one client authentication, JSON, ``no-store``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error, OAuth2Payload, OAuth2Request
from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from idp.clients.model import Client

FORM = "application/x-www-form-urlencoded"


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


class ClientRequest(OAuth2Request):
    """What a client posts: the canonical address, the headers, and the body; empty is absent (RFC 6749 §3.2)."""

    def __init__(self, address: str, request: Request) -> None:
        super().__init__(request.method, address, None, dict(request.headers))
        self.payload: _BodyPayload = _BodyPayload(
            {name: sent for name, found in request.form.lists() if (sent := list(filter(None, found)))}
        )

    @property
    def form(self) -> dict[str, str]:
        """The first value of each parameter."""
        return self.payload.data


Authenticate = Callable[[ClientRequest], Client]
"""Returns the client of a request. Raises ``InvalidClientError`` or ``InvalidRequestError``."""

Answer = Callable[[Client, str], Mapping[str, Any] | None]
"""Returns the body for an authenticated client and what it asks about; ``None`` is an empty one."""


@dataclass(frozen=True)
class ClientEndpoint:
    """An address whose answer depends on who asks and on one parameter: introspection, revocation."""

    address: str
    needed: str
    authenticate: Authenticate
    answer: Answer

    def respond(self, request: Request) -> Response:
        """Answer one request."""
        try:
            refuse_malformed(request, self.needed)
            read = ClientRequest(self.address, request)
            return told(200, self.answer(self.authenticate(read), read.form[self.needed]), [])
        except OAuth2Error as error:
            return told(*error())


def refuse_malformed(request: Request, needed: str, repeatable: Collection[str] = ()) -> None:
    """Raise ``InvalidRequestError`` unless the parameters stand in the body, once each, with the one ``needed``."""
    if request.args:
        raise InvalidRequestError("parameters belong into the body")
    if request.mimetype != FORM:
        raise InvalidRequestError(f"the body must be {FORM}")
    try:
        form = request.form
    except RequestEntityTooLarge as error:
        raise InvalidRequestError("the body is too large", status_code=413) from error
    if any(len(form.getlist(name)) > 1 for name in form.keys() - set(repeatable)):
        raise InvalidRequestError("a parameter was sent more than once")
    if not form.get(needed):
        raise InvalidRequestError(f"{needed} is missing")


def told(status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Response:
    """Return an answer that nobody may store (RFC 6749 §5.1)."""
    if body is None:
        response = Response(status=status, headers=list(headers))
        del response.headers["Content-Type"]
    else:
        response = Response(json.dumps(body), status, list(headers), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
