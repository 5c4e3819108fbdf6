"""A relying party without pages: one code flow as a service makes it, up to the verified ID token."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.demo.failure import DemoFailed

_SECONDS = 15


class CodeFlow:
    """One sign-in at a confidential client, with PKCE (RFC 7636) and a nonce; finds the rest by discovery."""

    def __init__(self, issuer: str, client: Mapping[str, Any]) -> None:
        self._issuer = issuer
        self._client = client
        self._redirect_uri: str = client["redirect_uris"][0]
        self._verifier, self._nonce, self._state = (secrets.token_urlsafe(48) for _ in range(3))
        self._http = requests.Session()
        self._http.trust_env = False
        self._endpoints = self._get(f"{issuer}/.well-known/openid-configuration")

    @property
    def origin(self) -> str:
        """Where the answer goes."""
        parts = urlsplit(self._redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    def begin(self) -> str:
        """Return the address that the browser is sent to."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "client_id": self._client["client_id"],
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "scope": "openid profile",
            "state": self._state,
            "nonce": self._nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "acr_values": "mfa",
        }
        return f"{self._endpoints['authorization_endpoint']}?{urlencode(asked)}"

    def finish(self, address: str) -> dict[str, Any]:
        """Take the address that the browser came back to and return the ID token's claims. Raises ``DemoFailed``."""
        answer = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        if not address.startswith(f"{self.origin}/") or "code" not in answer:
            raise DemoFailed(f"an authorization code was expected, not {address.partition('?')[0]} {answer}")
        if (answer.get("state"), answer.get("iss")) != (self._state, self._issuer):
            raise DemoFailed("state and iss were expected to come back")
        response = self._http.post(
            self._endpoints["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self._redirect_uri,
                "code_verifier": self._verifier,
            },
            auth=(self._client["client_id"], self._client["client_secret"]),
            timeout=_SECONDS,
        )
        if not response.ok:
            raise DemoFailed(f"tokens for the code were expected, not {response.status_code}")
        keys = KeySet.import_key_set(self._get(self._endpoints["jwks_uri"]))
        claims = dict(jwt.decode(response.json()["id_token"], keys, algorithms=["RS256", "ES256"]).claims)
        if (claims["iss"], claims["aud"], claims["nonce"]) != (
            self._issuer,
            self._client["client_id"],
            self._nonce,
        ):
            raise DemoFailed("iss, aud and nonce of the ID token were expected to be this request's")
        return claims

    def _get(self, url: str) -> Any:
        response = self._http.get(url, timeout=_SECONDS)
        response.raise_for_status()
        return response.json()
