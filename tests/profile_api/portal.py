"""A portal that uses the API: a practitioner's token, and what it sends with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from tests.protocol.answers import tokens
from tests.provider import Provider, Someone, Visit, redirect_uri

SCOPE = "openid assistants:manage"
BACK = "https://managing.test/profil?tab=assistants"


@dataclass
class Portal:
    """Asks the API with one access token."""

    provider: Provider
    token: str

    def ask(self, method: str, path: str, told: Any = None, **headers: str) -> TestResponse:
        """Send a request; what is told goes as JSON, a merge patch with PATCH."""
        sent: dict[str, Any] = {}
        if told is not None:
            merge = method == "PATCH"
            kind = "application/merge-patch+json" if merge else "application/json"
            sent = {"data": told if isinstance(told, bytes) else json.dumps(told), "content_type": kind}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.provider.http().open(
            f"/api/v1{path}",
            method=method,
            headers={"Authorization": f"Bearer {self.token}", **named},
            **{**sent, **({"content_type": named["Content-Type"]} if "Content-Type" in named else {})},
        )

    def listed(self, state: str = "present") -> list[dict[str, Any]]:
        """Return the list."""
        found: list[dict[str, Any]] = good(self.ask("GET", f"/assistants?state={state}"))["assistants"]
        return found

    def enrol(self, key: str | None = None, **told: Any) -> TestResponse:
        """Ask for a one-time address."""
        key = key or f'"{uuid4()}"'
        return self.ask("POST", "/enrolments", {"return_uri": BACK, **told}, Idempotency_Key=key)


def portal(
    provider: Provider,
    who: Someone,
    scope: str = SCOPE,
    visit: Visit | None = None,
    client_id: str = "managing",
    **changes: str | None,
) -> Portal:
    """Sign in to a portal, and let it use the API."""
    given = tokens(provider, who, client_id, visit, scope=scope, **changes)
    return Portal(provider, given["access_token"])


def good(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """Return the JSON of an answer that is right."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(response.data)
    return found


def problem(response: TestResponse, status: int) -> str:
    """Return the kind of a problem, its form checked (RFC 9457 §3)."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    told = json.loads(response.data)
    assert set(told) <= {"type", "title", "status", "detail", "errors"}
    assert told["status"] == status
    place, _, kind = str(told["type"]).partition("#/x-problems/")
    assert place == "/api/v1/openapi.json"
    assert ("WWW-Authenticate" in response.headers) == (status in (401, 403))
    return kind


def pointers(response: TestResponse) -> list[str]:
    """Return where the body is wrong."""
    assert problem(response, 422) == "invalid_content"
    return [one["pointer"] for one in json.loads(response.data)["errors"]]


def challenge(response: TestResponse) -> Mapping[str, str]:
    """Return the attributes of the challenge (RFC 6750 §3)."""
    scheme, _, attributes = response.headers["WWW-Authenticate"].partition(" ")
    told = dict(re.findall(r'([a-z_]+)="([^"]*)"', attributes))
    assert (scheme, told.pop("realm")) == ("Bearer", "assistants")
    return told


def came_back(visit: Visit) -> bool:
    """Say whether the browser was led back to the portal."""
    return visit.left_for == BACK and redirect_uri("managing").startswith("https://managing.test/")
