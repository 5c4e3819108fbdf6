"""Tokens that an attacker makes of a right one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.portal.stand_in import StandIn, encoded


def unsigned(token: str) -> str:
    """The same claims with ``alg: none``."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def signed_with_public_key(provider: StandIn) -> Callable[[str], str]:
    """The same claims under HS256, keyed with the public key that everybody can read.

    By hand, because joserfc refuses to take a public key for a shared one; an attacker's program does not.
    """
    public = cast(RSAKey, provider.keys[-1]).as_pem(private=False)
    header = _part({"alg": "HS256", "typ": "JWT", "kid": provider.keys[-1].kid})

    def forge(token: str) -> str:
        content = f"{header}.{token.split('.')[1]}"
        return f"{content}.{encoded(hmac.digest(public, content.encode(), hashlib.sha256))}"

    return forge


def signed_with_own_key(**header: Any) -> Callable[[str], str]:
    """The same claims, signed by a key that the provider does not publish."""
    key = RSAKey.generate_key(2048, {"kid": "rsa-1"})

    def forge(token: str) -> str:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        own = {name: key.as_dict(private=False) if name == "jwk" else value for name, value in header.items()}
        return jwt.encode({"alg": "RS256", "kid": "rsa-1", **own}, claims, key, algorithms=["RS256"])

    return forge


def with_header(header: Mapping[str, Any]) -> Callable[[str], str]:
    """The same claims and signature under another header."""
    return lambda token: f"{_part(header)}.{token.partition('.')[2]}"


def _part(value: Mapping[str, Any]) -> str:
    return encoded(json.dumps(value).encode())
