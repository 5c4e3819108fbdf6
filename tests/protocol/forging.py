"""Tokens made by hand, signed by whatever a test likes."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from idp.oidc.keys.signing import SigningKey
from idp.oidc.keys.store import load_keys
from tests.provider import Provider

Signer = Callable[[bytes], bytes]


def encoded(part: Mapping[str, Any] | bytes) -> str:
    """Return base64url without padding of bytes, or of the JSON of anything else."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, signer: Signer) -> str:
    """Return a compact JWS."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(signer(signed.encode()))}"


def our_key(provider: Provider) -> SigningKey:
    """Return the RSA key that the provider signs with."""
    keys = load_keys(provider.parts.database, provider.parts.keyring)
    return keys.signing("RS256", provider.clock.now())


def by_rsa(key: RSAPrivateKey) -> Signer:
    """Sign as RS256."""
    return lambda signed: key.sign(signed, PKCS1v15(), SHA256())


def by_hmac(secret: bytes) -> Signer:
    """Sign as HS256."""
    return lambda signed: hmac.digest(secret, signed, "sha256")


def by_nobody(_signed: bytes) -> bytes:
    """Sign as ``none``."""
    return b""


def digest(text: str) -> str:
    """Return a hexadecimal SHA-256."""
    return sha256(text.encode()).hexdigest()
