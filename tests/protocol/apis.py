"""Services with APIs behind a provider of the tests: who may call whom, and whom each admits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from idp.app import create_app
from idp.clients.model import TOKEN_EXCHANGE, Client
from idp.clients.registry import ClientRegistry
from tests.protocol.answers import body
from tests.provider import CLIENT_SECRET, MFA_DATE, Provider, redirect_uri

EXCHANGES = [TOKEN_EXCHANGE, "client_credentials"]
ALL = ["orders", "files", "closed", "strong", "dated", "payroll", "apart", "beside", "mute"]


def api(name: str) -> str:
    """Return the identifier of a service's API."""
    return f"https://{name}.test/api"


APIS: Mapping[str, Mapping[str, Any]] = {
    "front": {
        "grant_types": ["authorization_code", TOKEN_EXCHANGE],
        "redirect_uris": [redirect_uri("front")],
        "scope": [
            *("openid", "profile", "offline_access"),
            *("orders.read", "orders.write", "files.read", "common", "x.read"),
        ],
        "resources": [api(name) for name in ALL],
    },
    "orders": {
        "resource_scopes": ["orders.read", "orders.write", "common"],
        "scope": ["files.read", "common", "x.read", "orders.read", "orders.write"],
        "resources": [api(name) for name in ALL],
    },
    "files": {
        "resource_scopes": ["files.read", "files.write", "common"],
        "scope": ["orders.read", "x.read"],
        "resources": [api("orders"), api("strong")],
    },
    "closed": {"resource_scopes": ["x.read"], "assistants": "refused"},
    "strong": {"resource_scopes": ["x.read"], "floor": "mfa"},
    "dated": {"resource_scopes": ["x.read"], "mfa": {"required_from": MFA_DATE.isoformat()}},
    "payroll": {"resource_scopes": ["x.read"], "profiles": ["employer"]},
    "apart": {"resource_scopes": ["x.read"], "subject_type": "pairwise", "sector_identifier": "apart.test"},
    "beside": {"resource_scopes": ["x.read"], "subject_type": "pairwise", "sector_identifier": "apart.test"},
    "mute": {},
    "idle": {"resource_identifier": None, "grant_types": ["client_credentials"]},
    "stranger": {"resource_identifier": None, "resources": [api("orders")], "scope": ["orders.read"]},
}
"""``front`` is where people sign in; ``orders`` and ``files`` call others; the rest differ in whom they admit."""


def with_apis(provider: Provider, **changes: Mapping[str, Any]) -> Provider:
    """Let the services of ``APIS`` stand beside the others of the provider; ``changes``: of their files."""
    known = {client.client_id: client for client in provider.parts.clients}
    for name, file in APIS.items():
        known[name] = Client(**_file(name, {**file, **changes.get(name, {})}))
    provider.parts = replace(provider.parts, clients=ClientRegistry(known.values()))
    provider.app = create_app(provider.settings, provider.parts)
    return provider


def own_token(provider: Provider, client_id: str) -> str:
    """Return a token that a service gets for itself."""
    answer = body(provider.token({"grant_type": "client_credentials"}, client_id))
    return str(answer["access_token"])


def _file(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "client_id": name,
        "name": f"Service {name}",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": (sha256(CLIENT_SECRET.encode()).hexdigest(),),
        "grant_types": EXCHANGES,
        "scope": [],
        "resource_identifier": api(name) if name != "front" else None,
        "profiles": ["health_professional", "insured", "employer"],
        "mfa": "optional",
        "assistants": "allowed",
    }
    return whole | dict(data)


def spaced(words: Sequence[str]) -> str:
    """Return words as a scope."""
    return " ".join(words)
