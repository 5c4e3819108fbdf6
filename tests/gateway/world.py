"""A provider, a portal that tells what reached it, and nginx and Caddy between them, each before two services."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from idp.demo.browser import Browser
from tests.gateway.backend import Backend, running_backend
from tests.gateway.proxies import SECRET, Gate, running_gate
from tests.interop.running import running_provider, sign_in
from tests.provider import Provider, Someone
from tests.servers import free_port

PROXIES = ("nginx", "caddy")

RULES: Mapping[str, Any] = {
    "/": {},
    "/static": "public",
    "/compte": {"acr": "mfa"},
    "/praticien": {"assistants": "refused"},
}
SERVICES: Mapping[str, Mapping[str, Any]] = {
    "ancien-portail": {"assistants": "allowed"},
    "retraite": {},
}
"""The second says nothing of assistants."""

IDENTITY = (
    "remote-user",
    "remote-name",
    "remote-login",
    "remote-profile",
    "remote-acr",
    "remote-actor",
    "remote-actor-name",
    "remote-assertion",
)


@dataclass
class World:
    """What runs, and people for it."""

    provider: Provider
    backend: Backend
    gates: Mapping[tuple[str, str], Gate]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(600_001))

    def gate(self, proxy: str, client_id: str = "ancien-portail") -> Gate:
        """The host of a service behind that proxy."""
        return self.gates[proxy, client_id]

    def doctor(self, name: str = "ROCHE Anne", *, mfa: bool = True) -> Someone:
        """A new practitioner."""
        return self.provider.add(str(next(self._numbers)), name, mfa=mfa)

    def browser(self, *gates: Gate) -> Browser:
        """A browser that trusts the certificates of these hosts."""
        browser = Browser()
        for gate in gates or self.gates.values():
            browser._session.verify = str(gate.ca)
        return browser

    def visitor(self, gate: Gate, who: Someone, target: str = "/") -> Browser:
        """Somebody who signed in on the way to a page of the portal."""
        browser = self.browser(gate)
        browser.get(f"{gate.origin}{target}")
        sign_in(browser, self.provider, who)
        assert browser.page.url.startswith(gate.origin), browser.page.text[:300]
        return browser

    @contextmanager
    def watched(self) -> Iterator[list[dict[str, Any]]]:
        """Give what reaches the portal inside the block."""
        before = len(self.backend.seen)
        reached: list[dict[str, Any]] = []
        yield reached
        reached.extend(self.backend.seen[before:])


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Run all of it on loopback."""
    secret = folder / "proxy-secret"
    secret.write_text(f"{SECRET}\n")
    gates = {
        (proxy, client_id): Gate(proxy, free_port(), folder / f"{proxy}-{client_id}")
        for proxy in PROXIES
        for client_id in SERVICES
    }
    clients = [
        {
            "client_id": client_id,
            "name": f"Service {client_id}",
            "gateway": {gates[proxy, client_id].origin: deepcopy(RULES) for proxy in PROXIES},
            "scope": ["openid", "profile"],
            "profiles": ["health_professional"],
            "mfa": "optional",
            **more,
        }
        for client_id, more in SERVICES.items()
    ]
    with ExitStack() as running:
        provider = running.enter_context(
            running_provider(folder, clients, gateway={"proxy_secret_file": str(secret)})
        )
        backend = running.enter_context(running_backend())
        for gate in gates.values():
            gate.folder.mkdir()
            running.enter_context(
                running_gate(gate, urlsplit(provider.settings.issuer).netloc, backend.address)
            )
        yield World(provider, backend, gates)


def told(page: str | bytes) -> dict[str, Any]:
    """What the portal answered with."""
    found: dict[str, Any] = json.loads(page)
    return found


def headers_of(request: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Name and value of every header line that reached the portal, names as a careless portal folds them."""
    return [
        ("".join(letter if letter.isalnum() else "-" for letter in name.lower()), value)
        for name, value in request["headers"]
    ]


def identity_of(request: Mapping[str, Any]) -> dict[str, str]:
    """The identity headers that reached the portal; an absent one is an empty one, and none comes twice."""
    lines = [(name, value) for name, value in headers_of(request) if name.startswith("remote")]
    assert {name for name, _ in lines} <= set(IDENTITY), lines
    assert len({name for name, _ in lines}) == len(lines), lines
    return dict.fromkeys(IDENTITY, "") | dict(lines)


def cookie_of(gate: Gate) -> str:
    """The name of the session's cookie on this host."""
    return f"__Host-gateway-{gate.port}"


def cookies_of(browser: Browser, gate: Gate) -> str:
    """The `Cookie` header with which the browser comes to this host."""
    name = cookie_of(gate)
    value = next(cookie.value for cookie in browser._session.cookies if cookie.name == name)
    return f"{name}={value}"
