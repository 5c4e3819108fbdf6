"""Who is there, by the headers alone: all that this portal ever knew of signing in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from werkzeug.datastructures import Headers


@dataclass(frozen=True)
class Visitor:
    """Whose pages these are, and the assistant who acts for them, if any."""

    sub: str
    name: str
    assistant: str | None


def visitor_of(headers: Headers) -> Visitor | None:
    """Return who is there, or ``None``. Everything outside printable ASCII comes percent-encoded."""
    sub, name, actor, actor_name = (
        unquote(headers.get(f"Remote-{one}", "")) for one in ("User", "Name", "Actor", "Actor-Name")
    )
    if not sub:
        return None
    return Visitor(sub, name or sub, actor_name or actor or None)
