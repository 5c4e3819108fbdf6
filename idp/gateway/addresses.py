"""The real origin and path of a request, or nothing: whatever two readers could read differently is not judged."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

from idp.clients.gateway import readings

_TARGET = re.compile(r"/[!\"$-~]*")
"""Printable ASCII without blank and `#`: path and query as a browser sends them (RFC 9112 §3.2.1)."""
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(
    r"(?P<name>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[(?P<v6>[0-9a-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?"
)
_USUAL_PORTS = {"https": 443, "http": 80}


class Unreadable(ValueError):
    """The address can be read in more than one way. The text says what is expected, never what came."""


def canonical_path(target: str) -> str:
    """Return the decoded path of a request target (origin-form, undecoded), each run of ``/`` as one.

    Raises ``Unreadable`` for a fragment, a blank, another form of target; ``//`` at the beginning; bad or repeated
    encoding of what separates or ends a path; dot segments however written; controls; text that is not UTF-8.
    """
    if not _TARGET.fullmatch(target):
        raise Unreadable("a path and a query of printable ASCII")
    if target.startswith("//"):
        # A reference by RFC 3986 §4.2, as many portals read it: what stands up to the next / is a host to them.
        raise Unreadable("a path that begins with one /")
    raw = target.partition("?")[0]
    if _LONE_PERCENT.search(raw):
        raise Unreadable("a path whose % are followed by two hexadecimal digits")
    try:
        path = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("a path in UTF-8") from error
    try:
        found = list(readings(path))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    for reading in found:
        _refuse_structure(reading, raw.count("/"))
    return re.sub(r"/+", "/", path)


def canonical_origin(scheme: str, host: str) -> str:
    """Return scheme, host in lower case and port unless it is the usual one, as client files write it.

    Raises ``Unreadable`` for any other scheme, a trailing dot, a user name, several hosts, or no host at all.
    """
    named = _HOST.fullmatch(host.lower())
    if scheme not in _USUAL_PORTS or named is None or ".." in named["name"]:
        raise Unreadable("http or https, and one host with an optional port")
    port = int(named["port"]) if named["port"] else _USUAL_PORTS[scheme]
    if not 0 < port < 65536:
        raise Unreadable("a port from 1 to 65535")
    name = named["name"]
    if named["v6"]:
        try:
            name = f"[{IPv6Address(named['v6'])}]"
        except ValueError as error:
            raise Unreadable("an IPv6 address between the brackets") from error
    return f"{scheme}://{name}" + ("" if port == _USUAL_PORTS[scheme] else f":{port}")


def _refuse_structure(reading: str, slashes: int) -> None:
    """Raise ``Unreadable`` where a reading has other separators than what was sent, dot segments or controls."""
    alike = unicodedata.normalize("NFKC", reading)
    for text in (reading, alike):
        if not text.isprintable() or "\\" in text or text.count("/") != slashes:
            raise Unreadable("a path of printable text whose only separators are the / that were sent")
        segments = {segment.partition(";")[0] for segment in text.split("/")}
        if segments & {".", ".."}:
            raise Unreadable("a path without . or .. segments")
