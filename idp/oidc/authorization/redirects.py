"""Where an answer may go: registered addresses compared character by character, and answers that say who sent them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Response

from idp.clients.model import Client
from idp.login.destination import see_other

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?(/.*|\?.*|)")
_LAST_PORT = 65_535


def registered(client: Client, redirect_uri: str) -> bool:
    """Say whether the address is the client's; a native client may choose the loopback port (RFC 8252 §7.3)."""
    if redirect_uri in client.redirect_uris:
        return True
    if client.application_type != "native":
        return False
    asked = _without_port(redirect_uri)
    return asked is not None and asked in {_without_port(known) for known in client.redirect_uris}


def answer(redirect_uri: str, parameters: Mapping[str, str | None]) -> Response:
    """Send the browser to ``redirect_uri`` with the parameters that have a value."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return see_other(f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}")


def _without_port(address: str) -> tuple[str, str] | None:
    found = _LOOPBACK.fullmatch(address)
    if found is None or int(found[2] or 0) > _LAST_PORT:
        return None
    return found[1], found[3]
