"""A browser before a guarded host, and the reverse proxy between, both inside the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.provider import ISSUER, Provider, Someone, Visit

SECRET = "the-secret-of-the-proxies-of-the-tests"
PORTAL = "https://portail.test"
WARDS = "https://wards.test:8443"
LOOPBACK = "http://127.0.0.1:8005"
FORWARD, AUTH, ANSWER = "/gateway/forward-auth", "/gateway/auth-request", "/gateway/answer"
PAGE = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}
HEADERS = (
    "Remote-User", "Remote-Name", "Remote-Login", "Remote-Profile", "Remote-Acr", "Remote-Actor",
    "Remote-Actor-Name", "Remote-Assertion",
)  # fmt: skip

FILES: Mapping[str, Mapping[str, Any]] = {
    "old-portal": {
        "gateway": {
            PORTAL: {
                "/": {},
                "/static": "public",
                "/compte": {"acr": "mfa"},
                "/doctors": {"profiles": ["health_professional"]},
                "/in-person": {"assistants": "refused"},
            }
        },
        "scope": ["openid", "profile", "email"],
        "mfa": "optional",
        "assistants": "allowed",
    },
    "wards": {
        "gateway": {WARDS: {"/ward": {}}, LOOPBACK: {"/ward": {}}},
        "scope": ["openid"],
        "mfa": "optional",
    },
    "open": {
        "redirect_uris": ["https://open.test/callback"],
        "token_endpoint_auth_method": "none",
        "scope": ["openid", "profile"],
        "mfa": "optional",
        "assistants": "allowed",
    },
}


def guarding(
    folder: Path,
    clock: MovableClock,
    database_url: str | None = None,
    ephemeral_url: str = "sql:",
    **more: Any,
) -> Provider:
    """Return a provider whose gateway guards the hosts of ``FILES``."""
    (folder / "services").mkdir()
    for client_id, changes in FILES.items():
        data = {
            "client_id": client_id,
            "name": f"Service {client_id}",
            "profiles": ["health_professional", "insured"],
            **changes,
        }
        (folder / "services" / f"{client_id}.yaml").write_text(json.dumps(data), encoding="utf-8")
    (folder / "proxies").write_text(f"{SECRET}\n")
    settings: dict[str, Any] = {
        "clients_folder": "services",
        "gateway": {"proxy_secret_file": "proxies"},
        **more,
    }
    settings["profiles"] = settings.get("profiles") or {
        "health_professional": {"label": "Professionnel de santé", "mfa": "optional"},
        "insured": {"label": "Assuré", "mfa": "optional"},
    }
    return Provider(folder, clock, database_url, ephemeral_url, **settings)


class Browser:
    """A browser at guarded hosts, each with its own cookies, and at the provider (``visit``)."""

    def __init__(self, provider: Provider, client: FlaskClient | None = None) -> None:
        self.provider = provider
        self.visit: Visit = provider.browser()
        self.http = client or provider.http()
        self.jars: dict[str, dict[str, str]] = {}

    def ask(
        self,
        path: str = "/",
        endpoint: str = FORWARD,
        origin: str = PORTAL,
        method: str = "GET",
        headers: Mapping[str, str] = PAGE,
        **forwarded: str,
    ) -> TestResponse:
        """Ask as the proxy of ``origin`` does for a request of this browser."""
        scheme, _, host = origin.partition("://")
        told = {
            "Gateway-Secret": SECRET,
            "X-Forwarded-Method": method,
            "X-Forwarded-Proto": scheme,
            "X-Forwarded-Host": host,
            "X-Forwarded-Uri": path,
            "Cookie": self.cookie(origin),
            **{name.replace("_", "-"): value for name, value in forwarded.items()},
            **headers,
        }
        response = self.http.get(endpoint, headers=told, base_url="http://127.0.0.1:8000")
        self._keep(origin, response)
        return response

    def own(self, address: str, **headers: str) -> TestResponse:
        """Open one of the gateway's own addresses, whole, as the proxy passes it on."""
        parts = urlsplit(address)
        query = f"?{parts.query}" if parts.query else ""
        origin = f"{parts.scheme}://{parts.netloc}"
        sent = {**PAGE, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.ask(parts.path + query, parts.path + query, origin, headers=sent)

    def open(self, path: str = "/", origin: str = PORTAL) -> TestResponse:
        """Open a page as far as the provider's pages, or to the answer that the proxy gets."""
        response = self.ask(path, origin=origin)
        return response if response.status_code != 302 else self.follow(response)

    def follow(self, response: TestResponse) -> TestResponse:
        """Go to the provider, and back here if it sends the browser back at once."""
        location = response.headers["Location"]
        assert location.startswith(f"{ISSUER}/oauth2/authorize?"), location
        self.visit.get(location.removeprefix(ISSUER))
        return self.back() if self.visit.left_for is not None else response

    def back(self) -> TestResponse:
        """Come back from the provider: callback, then the page that was asked for."""
        assert self.visit.left_for is not None, (
            f"still at {self.visit.page.url}: {self.visit.page.text[:300]}"
        )
        response = self.own(self.visit.left_for)
        if response.status_code != 302:
            return response
        parts = urlsplit(response.headers["Location"])
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return self.ask(target, origin=f"{parts.scheme}://{parts.netloc}")

    def sign_in(self, who: Someone, path: str = "/", origin: str = PORTAL) -> TestResponse:
        """Open a page and sign in all the way."""
        response = self.open(path, origin)
        assert response.status_code == 302, response.status
        self.visit.identify(who)
        if self.visit.left_for is None and who.secret is not None:
            self.visit.enter_code(who)
        return self.back()

    def cookie(self, origin: str) -> str:
        """Return the header that the browser sends to ``origin``."""
        return "; ".join(f"{name}={value}" for name, value in self.jars.get(origin, {}).items())

    def _keep(self, origin: str, response: TestResponse) -> None:
        jar = self.jars.setdefault(origin, {})
        for line in response.headers.getlist("Set-Cookie"):
            [(name, morsel)] = SimpleCookie(line).items()
            if morsel.value:
                jar[name] = morsel.value
            else:
                jar.pop(name, None)


def carried(jar: Mapping[str, str], origin: str) -> dict[str, str]:
    """Return cookies of a host without port as somebody would write them for another port."""
    return {f"{name}-{urlsplit(origin).port}": value for name, value in jar.items()}


def query_of(response: TestResponse) -> dict[str, str]:
    """Return the parameters that a redirect carries."""
    query = urlsplit(response.headers["Location"]).query
    return {name: values[0] for name, values in parse_qs(query).items()}
