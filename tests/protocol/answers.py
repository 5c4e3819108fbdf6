"""What the tests read from the provider's answers."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pyotp
from werkzeug.test import TestResponse

from idp.oidc.subjects import load_subjects
from tests.provider import ISSUER, Provider, Someone, Visit, redirect_uri

DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")


def tokens(
    provider: Provider,
    who: Someone,
    client_id: str = "open",
    visit: Visit | None = None,
    **changes: str | None,
) -> dict[str, Any]:
    """Sign in, in a new browser unless ``visit`` is given, and return the body of the token answer."""
    code = (visit or provider.browser()).sign_in(who, client_id, **changes)
    return body(provider.redeem(code, client_id))


def body(response: TestResponse) -> dict[str, Any]:
    """Return the JSON of an answer that is right."""
    assert response.status_code == 200, response.text
    assert response.content_type == "application/json"
    found: dict[str, Any] = json.loads(response.data)
    return found


def token_error(response: TestResponse, status: int = 400) -> str:
    """Return the error of an answer of the token endpoint, its form checked (RFC 6749 §5.2)."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    told = json.loads(response.data)
    assert set(told) <= {"error", "error_description"}
    assert DESCRIPTION.fullmatch(told.get("error_description", "none"))
    return str(told["error"])


def refused(response: TestResponse, status: int = 401) -> str:
    """Return the error of an answer to a bearer token, its form checked (RFC 6750 §3); empty where none was sent."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    scheme, _, attributes = response.headers["WWW-Authenticate"].partition(" ")
    told = dict(re.findall(r'([a-z_]+)="([^"]*)"', attributes))
    assert (scheme, told.pop("realm")) == ("Bearer", "userinfo")
    assert told == json.loads(response.data)
    assert DESCRIPTION.fullmatch(told.get("error_description", "none"))
    return str(told.get("error", ""))


def redirected_error(visit: Visit, client_id: str = "open", state: str | None = "the-state") -> str:
    """Return the error that a relying party got, its form checked (RFC 6749 §4.1.2.1, RFC 9207 §2)."""
    assert visit.left_for is not None, f"still at {visit.page.url}: {visit.page.text[:200]}"
    answer = dict(visit.answer)
    assert visit.left_for.split("?")[0] == redirect_uri(client_id)
    assert not urlsplit(visit.left_for).fragment
    assert answer.pop("state", None) == state
    assert answer.pop("iss") == ISSUER
    assert DESCRIPTION.fullmatch(answer.pop("error_description"))
    assert set(answer) == {"error"}
    return answer["error"]


def grant_behind(provider: Provider, access_token: str) -> str:
    """Return the id of the grant of an access token, which its ``jti`` tells us alone."""
    subjects = load_subjects(provider.parts.database, provider.parts.keyring)
    name = subjects.grants.opened(provider.claims(access_token)["jti"])
    assert name is not None
    return name[:32].hex()


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a JWT, its signature not verified."""
    encoded = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return found


def activate(visit: Visit) -> str:
    """Activate double authentication on the page shown, go past the recovery codes, return the phone's secret."""
    secret = visit.page.secret
    assert secret is not None
    visit.submit(code=pyotp.TOTP(secret).at(int(visit.provider.clock.now().timestamp())))
    if visit.left_for is None and visit.step == "recovery-codes":
        visit.submit()
    return secret
