"""Web addresses, kept exactly as typed, and refused where two readers could read them differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Literal
from urllib.parse import unquote, urlencode, urlsplit

ApplicationType = Literal["web", "native"]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})

_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=-]|%[0-9A-Fa-f]{2})*")
_WEB = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?:[/?].*)?"
)
_PRIVATE_USE = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:(?P<rest>/.*)")


def web_address(text: str, application_type: ApplicationType = "web") -> str:
    """Return ``text`` unchanged when it is an exact absolute address.

    https, or http on a loopback host; for native applications also a private-use scheme with a dot (RFC 8252
    §7.1). No wildcard, fragment, user name, upper-case scheme or host, control character or dot segment
    (RFC 9700 §4.1). Raises ``ValueError`` saying what is expected.
    """
    if "*" in text:
        raise ValueError("an exact address, without wildcard")
    if "#" in text:
        raise ValueError("an address without fragment (#)")
    if not _CHARACTERS.fullmatch(text):
        raise ValueError("an address of the characters of RFC 3986 only, without blanks, others as %XX")
    if "@" in text.partition("://")[2].partition("/")[0].partition("?")[0]:
        raise ValueError("an address without user name or password")
    private = _PRIVATE_USE.fullmatch(text) if application_type == "native" else None
    if private is None:
        _refuse_all_but_web(text, application_type)
    path = text.partition("://")[2].partition("/")[2] if private is None else private["rest"]
    _refuse_dot_segments(path.partition("?")[0])
    return text


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    """Return ``address`` with ``parameters`` added to the query that it may have (RFC 6749 §3.1.2)."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def origin_of(address: str) -> str:
    """Return scheme, host and port as typed; for a private-use scheme ``scheme:``, the way CSP names it."""
    web = _WEB.fullmatch(address)
    if web is None:
        return f"{urlsplit(address).scheme}:"
    return f"{web['scheme']}://{web['host']}" + (f":{web['port']}" if web["port"] else "")


def host_of(address: str) -> str | None:
    """Return the host of a web address; ``None`` for what any application may have: loopback, private-use schemes."""
    web = _WEB.fullmatch(address)
    return None if web is None or web["host"] in LOOPBACK_HOSTS else web["host"]


def _refuse_all_but_web(text: str, application_type: ApplicationType) -> None:
    web = _WEB.fullmatch(text)
    if web is None:
        schemes = (
            "https://host/…, or a scheme with a dot" if application_type == "native" else "https://host/…"
        )
        raise ValueError(f"an absolute address, {schemes}, scheme and host in lower case")
    if not _is_host(web["host"]) or int(web["port"] or 443) > 65535:
        raise ValueError("an address with a host name, and a port up to 65535")
    if web["scheme"] == "http" and web["host"] not in LOOPBACK_HOSTS:
        raise ValueError("https (http only on 127.0.0.1, [::1] or localhost)")


def _refuse_dot_segments(path: str) -> None:
    segments = [unquote(segment).partition(";")[0] for segment in re.split(r"/|%2[fF]|%5[cC]", path)]
    if {".", ".."} & set(segments):
        raise ValueError("an address without . or .. segments")


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return ".." not in host
    try:
        return bool(IPv6Address(host[1:-1]))
    except ValueError:
        return False
