"""Bearer tokens (RFC 6750): where one may stand in a request, and what is answered without a good one."""

from __future__ import annotations

import json

from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from idp.oidc.client_endpoint import FORM

_PARAMETER = "access_token"


class BadRequest(Exception):
    """The request is malformed (RFC 6750 §3.1). The text is printable ASCII for developers."""

    def __init__(self, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status


def bearer_token(request: Request) -> str | None:
    """Return the token in the header (§2.1) or in a form (§2.2), ``None`` without any.

    Raises ``BadRequest`` for one in the address, which logs and histories keep (§2.3), and for more than one.
    """
    if _PARAMETER in request.args:
        raise BadRequest("the access token belongs into the Authorization header or into a form")
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    in_header = [credentials.strip()] if scheme.lower() == "bearer" and credentials.strip() else []
    sent = [*in_header, *_in_form(request)]
    if len(sent) > 1:
        raise BadRequest("more than one access token was sent")
    return sent[0] if sent else None


def challenge(error: str, description: str, status: int = 401, **more: str) -> Response:
    """Return the error answer of §3; ``more`` are attributes such as ``scope``. Without ``error`` no token was sent."""
    told = {"error": error, "error_description": description, **more} if error else {}
    response = Response(json.dumps(told), status, content_type="application/json")
    attributes = "".join(f', {name}="{value}"' for name, value in told.items())
    response.headers["WWW-Authenticate"] = f'Bearer realm="userinfo"{attributes}'
    response.headers["Cache-Control"] = "no-store"
    return response


def _in_form(request: Request) -> list[str]:
    if request.method != "POST" or request.mimetype != FORM:
        return []
    try:
        form = request.form
    except RequestEntityTooLarge as error:
        raise BadRequest("the body is too large", 413) from error
    if any(len(found) > 1 for _name, found in form.lists()):
        raise BadRequest("a parameter was sent more than once")
    return [form[_PARAMETER]] if form.get(_PARAMETER) else []
