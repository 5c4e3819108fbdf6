"""Where an answer may go: registered addresses, compared character by character."""

from __future__ import annotations

import re

from idp.clients.model import Client

_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?(/.*|\?.*|)")
_LAST_PORT = 65_535

MAX_QUERY = 6_000
"""Characters of a query that a browser is sent on with; servers and proxies take 8,000 for a whole request line."""


def registered(client: Client, redirect_uri: str) -> bool:
    """Say whether the address is the client's; a native client may choose the loopback port (RFC 8252 §7.3)."""
    if redirect_uri in client.redirect_uris:
        return True
    if client.application_type != "native":
        return False
    asked = _without_port(redirect_uri)
    return asked is not None and asked in {_without_port(known) for known in client.redirect_uris}


def _without_port(address: str) -> tuple[str, str] | None:
    found = _LOOPBACK.fullmatch(address)
    if found is None or int(found[2] or 0) > _LAST_PORT:
        return None
    return found[1], found[3]
