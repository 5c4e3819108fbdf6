"""The portal that knows only headers, behind the gateway: its client file, its process, and the proxy before it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from idp.demo.proxy import Place, Proxy

ATTESTATIONS = "attestations"
PROXY_SECRET = "gateway-proxy"  # noqa: S105
"""The name under which the demo's folder keeps what the proxy proves itself by."""

MISSING = "neither nginx nor Caddy is installed (Debian: apt-get install nginx)"


@dataclass(frozen=True)
class Legacy:
    """Where it runs: ``port`` is the proxy's, which people open, ``inner_port`` the portal's own."""

    proxy: Proxy
    port: int
    inner_port: int

    @property
    def origin(self) -> str:
        """What people open."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def inner(self) -> str:
        """What nobody but the proxy is let in at."""
        return f"http://127.0.0.1:{self.inner_port}"

    def client(self, mfa_date: date) -> dict[str, Any]:
        """Return the client file."""
        return {
            "client_id": ATTESTATIONS,
            "name": "Attestations",
            "gateway": {
                self.origin: {
                    "/": {},
                    "/compte": {"acr": "mfa", "assistants": "refused"},
                    **dict.fromkeys(("/informations", "/static", "/healthz"), "public"),
                }
            },
            "scope": ["openid", "profile"],
            "profiles": ["health_professional"],
            "mfa": {"required_from": mfa_date.isoformat()},
            "assistants": "allowed",
        }

    def portal_process(self, issuer: str, folder: Path) -> tuple[list[str], Mapping[str, str]]:
        """Return command line and variables of the portal."""
        variables = {
            "LEGACY_PORTAL_ISSUER": issuer,
            "LEGACY_PORTAL_BASE_URL": self.origin,
            "LEGACY_PORTAL_PORT": str(self.inner_port),
            "LEGACY_PORTAL_SHIFTED_CLOCK": str(folder / "clock"),
        }
        return [sys.executable, "-m", "legacy_portal.cli", "serve"], variables

    def proxy_process(self, issuer: str, folder: Path, secret: str) -> tuple[list[str], Mapping[str, str]]:
        """Write the proxy's configuration; return its command line and variables. Raises ``OSError``."""
        host, portal, provider = (one.partition("://")[2] for one in (self.origin, self.inner, issuer))
        return self.proxy.prepared(folder / "proxy", Place(host, portal, provider, secret))
