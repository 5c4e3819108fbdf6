"""The device at the other end, in words that its owner recognises."""

from __future__ import annotations

from ua_parser import parse

_MAX_AGENT = 512
_MAX_LABEL = 120


def device_label(user_agent: str) -> str:
    """Return browser and system, *Firefox, Windows*; empty when the browser does not tell."""
    found = parse(user_agent[:_MAX_AGENT])
    named = [part.family for part in (found.user_agent, found.os) if part and part.family != "Other"]
    return ", ".join(named)[:_MAX_LABEL]
