"""Going on with a form where its sender was interrupted: the portal's own view is asked again, as it was asked then."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Literal
from urllib.parse import unquote_to_bytes, urlencode

from flask import current_app, request
from werkzeug.wrappers import Response

from flask_relying_party.addresses import this_address
from flask_relying_party.sessions import PortalSession
from flask_relying_party.unfinished import FORM_TOKEN, Unfinished

Because = Literal["other_person", "not_stepped_up"]
"""Why a form is not done at once: somebody else of the account has signed in, or nobody proved more."""

_RESUMED = "flask_relying_party.resumed"
_OF_THE_OTHER_REQUEST = ("werkzeug.request", "RAW_URI", "REQUEST_URI", "HTTP_TRANSFER_ENCODING")


@dataclass(frozen=True)
class Resumed:
    """Who goes on; ``because``: nothing may be done before they have seen the form again.

    ``address`` is the one of this portal that leads here once more.
    """

    session: PortalSession
    because: Because | None
    address: str


def resume(
    unfinished: Unfinished, session: PortalSession, base_url: str, because: Because | None = None
) -> Response:
    """Answer what was sent then, for ``session``, whose form token it gets.

    It was accepted as this browser's own when it came, so it is sent from here as if it came from the portal's page.
    """
    path, _, query = unfinished.address.partition("?")
    body = urlencode([*unfinished.form, (FORM_TOKEN, session.form_token)]).encode()
    kept = {name: value for name, value in request.environ.items() if name not in _OF_THE_OTHER_REQUEST}
    environ = {
        **kept,
        "REQUEST_METHOD": unfinished.method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_REFERER": f"{base_url}{path}",
        "HTTP_ORIGIN": base_url,
        "wsgi.input": BytesIO(body),
        _RESUMED: Resumed(session, because, this_address()),
    }
    return current_app.response_class.from_app(current_app.wsgi_app, environ, buffered=True)


def resumed_request() -> Resumed | None:
    """Return who goes on, if that is what this request is; no visitor can make one."""
    found: Resumed | None = request.environ.get(_RESUMED)
    return found
