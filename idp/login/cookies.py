"""The provider's cookies. Over https each is ``__Host-``: no sibling domain can plant one (RFC 6265bis §4.1.3)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from flask import Request, Response

REMEMBERED_SECONDS = 365 * 86_400


def fingerprint(value: str) -> str:
    """Return the SHA-256 of a high-entropy value: what is stored in its place."""
    return hashlib.sha256(value.encode()).hexdigest()


def same(fingerprint_kept: str, value: str) -> bool:
    """Compare a kept fingerprint with a value, in constant time."""
    return hmac.compare_digest(fingerprint_kept, fingerprint(value))


def new_token() -> str:
    """Return a fresh opaque value of 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Cookies:
    """Names and attributes; ``secure`` is false only for the demo over loopback http."""

    secure: bool
    prefix: str = "idp_"

    def name(self, purpose: str) -> str:
        """Return the cookie's name for ``browser``, ``session``, ``proof``, ``identifier`` or ``device``."""
        return f"{'__Host-' if self.secure else ''}{self.prefix}{purpose}"

    def get(self, request: Request, purpose: str) -> str:
        """Return the cookie's value, empty when absent."""
        return request.cookies.get(self.name(purpose), "")

    def put(self, response: Response, purpose: str, value: str, max_age: int | None = None) -> None:
        """Set a cookie that no script reads; without ``max_age`` (seconds) it goes with the browser's session."""
        response.set_cookie(
            self.name(purpose),
            value,
            max_age=max_age,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )

    def drop(self, response: Response, purpose: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(
            self.name(purpose), path="/", secure=self.secure, httponly=True, samesite="Lax"
        )
