"""What a reverse proxy asks: may this request pass? Read from headers alone; no body is ever looked at."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import Headers

from idp.gateway.addresses import canonical_origin, canonical_path

_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Question:
    """One request of a visitor at a guarded host."""

    method: str
    origin: str
    """Canonical, as client files write it."""
    target: str
    """Path and query as they came."""
    path: str
    """Canonical: what the rules are held against."""
    wants_page: bool
    """Somebody looks at the answer: a browser opens a page or sends a form."""

    @property
    def host(self) -> str:
        """Host and port as the origin has them: the audience of the assertion."""
        return self.origin.partition("://")[2]

    @property
    def can_go_away(self) -> bool:
        """Whether the visitor can be sent to sign in and come back to this very request."""
        return self.wants_page and self.method in _SAFE


def read_origin(headers: Headers) -> str:
    """Return the canonical origin that the visitor called. Raises ``Unreadable``."""
    return canonical_origin(headers.get("X-Forwarded-Proto", ""), headers.get("X-Forwarded-Host", ""))


def read_question(headers: Headers) -> Question:
    """Return what the proxy's headers ask. Raises ``Unreadable``."""
    target = headers.get("X-Forwarded-Uri", "")
    return Question(
        method=headers.get("X-Forwarded-Method", ""),
        origin=read_origin(headers),
        target=target,
        path=canonical_path(target),
        wants_page=wants_page(headers),
    )


def wants_page(headers: Headers) -> bool:
    """Say whether a browser navigates; programs, scripts of pages and WebSockets do not."""
    return (
        "text/html" in headers.get("Accept", "").lower()
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and "X-Requested-With" not in headers
        and "Upgrade" not in headers
    )
