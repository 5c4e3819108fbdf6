"""What a portal tells the extension, and what that is worth."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from flask_relying_party.person import Assurance

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

REVALIDATE_SECONDS = (1, 60)
PROVIDER_TIMEOUT_SECONDS = 2.5
"""At most. A refresh may take four times as long (two attempts, each to connect and to wait), and must end within the
ten seconds in which the provider gives the same successor again: later it would be a replay."""
SECRET_KEY_LENGTH = 32


@dataclass(frozen=True)
class Options:
    """As ``RelyingParty`` explains them. Raises ``ValueError``, which names the option and never shows a value."""

    issuer: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    secret_key: str = field(repr=False)
    database: Path
    scope: str
    required_acr: Assurance
    first_page: str
    cookie: str
    revalidate_seconds: float
    provider_timeout_seconds: float
    session_idle_seconds: int
    session_seconds: int

    def __post_init__(self) -> None:
        for name, address in (("issuer", self.issuer), ("base_url", self.base_url)):
            mistake = address_mistake(address)
            _expect(mistake is None, f"{name}: {mistake}")
        _expect(not urlsplit(self.base_url).path, "base_url: an address without a path is expected")
        _expect(bool(self.client_id and self.client_secret), "client_id, client_secret: they cannot be empty")
        _expect(
            len(self.secret_key) >= SECRET_KEY_LENGTH,
            f"secret_key: {SECRET_KEY_LENGTH} characters or more are expected",
        )
        _expect("openid" in self.scope.split(), "scope: openid is expected in it")
        _expect(self.required_acr in ("pwd", "mfa"), "required_acr: pwd or mfa is expected")
        _expect(
            self.first_page.startswith("/") and not self.first_page.startswith("//"),
            "first_page: a path of this portal is expected",
        )
        _expect(
            re.fullmatch(r"[a-z][a-z0-9_]{0,30}", self.cookie) is not None,
            "cookie: small letters, digits and _ are expected",
        )
        least, most = REVALIDATE_SECONDS
        _expect(
            least <= self.revalidate_seconds <= most, f"revalidate_seconds: {least} to {most} is expected"
        )
        _expect(
            0 < self.provider_timeout_seconds <= PROVIDER_TIMEOUT_SECONDS,
            f"provider_timeout_seconds: more than 0 and at most {PROVIDER_TIMEOUT_SECONDS} is expected",
        )
        _expect(
            self.session_idle_seconds > 0 and self.session_seconds > 0,
            "session_idle_seconds, session_seconds: more than 0 is expected",
        )

    @property
    def secure(self) -> bool:
        """Whether browsers reach the portal over https."""
        return self.base_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The name of the cookie that holds a signed-in browser's random id."""
        return f"{self._prefix}{self.cookie}_session"

    @property
    def login_cookie(self) -> str:
        """The name of the cookie that names a browser's started sign-ins."""
        return f"{self._prefix}{self.cookie}_login"

    @property
    def provider_is_local(self) -> bool:
        """Whether the provider is on this machine, where no proxy of the environment leads."""
        return urlsplit(self.issuer).hostname in LOOPBACK

    @property
    def _prefix(self) -> str:
        """``__Host-`` (RFC 6265bis §4.1.3.2), or nothing over loopback http, where browsers refuse it."""
        return "__Host-" if self.secure else ""


def address_mistake(value: str) -> str | None:
    """Say what is wrong with an address that has to be https, or http on loopback, and nothing besides."""
    parts = urlsplit(value)
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        return "an https address is expected"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "https is expected; http is for loopback only"
    if parts.query or parts.fragment or parts.username or value.endswith("/"):
        return "an address without user, query, fragment or final slash is expected"
    return None


def _expect(met: bool, otherwise: str) -> None:
    if not met:
        raise ValueError(otherwise)
