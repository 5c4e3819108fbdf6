"""Two addresses that are nearly the same, and in plain words where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from urllib.parse import unquote, urlsplit


def nearest(address: str, registered: Iterable[str]) -> str | None:
    """Return the registered address that ``address`` was most likely meant to be; ``None`` without any."""
    return max(registered, key=lambda one: SequenceMatcher(None, address, one).ratio(), default=None)


def differs_by(address: str, registered: str) -> str:
    """Return in words where the two part, the first reason that a person would find."""
    try:
        sent, known = urlsplit(address), urlsplit(registered)
        ports = sent.port, known.port
    except ValueError:
        return "it is no address"
    reasons = {
        "the scheme": sent.scheme != known.scheme,
        "the host": (sent.hostname or "") != (known.hostname or ""),
        "the port": ports[0] != ports[1],
        "the path": sent.path != known.path,
        "the query": sent.query != known.query,
        "a fragment (#)": sent.fragment != known.fragment,
        "capitals in the host": sent.netloc != known.netloc,
    }
    parts = [part for part, differs in reasons.items() if differs]
    if len(parts) > 1 and parts[-1].startswith("capitals"):
        parts.pop()
    if parts == ["the path"]:
        return _paths(sent.path, known.path)
    return (
        " and ".join(_said(part, sent.scheme, known.scheme, ports) for part in parts) or "how it is written"
    )


def _said(part: str, sent: str, known: str, ports: tuple[int | None, int | None]) -> str:
    if part == "the scheme":
        return f"the scheme ({sent}, not {known})"
    if part == "the port":
        return f"the port ({ports[0] or 'none'}, not {ports[1] or 'none'})"
    return part


def _paths(sent: str, known: str) -> str:
    if sent.rstrip("/") == known.rstrip("/"):
        return "a slash at the end"
    if sent.casefold() == known.casefold():
        return "capitals in the path"
    if unquote(sent) == unquote(known):
        return "how the path is encoded (%)"
    return "the path"
