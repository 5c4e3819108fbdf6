"""Client assertions (RFC 7523): right ones, and with any change of header or claims, signed all the same."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.oidc.client_authentication.assertion import ASSERTION_TYPE
from idp.oidc.keys.signing import Signatures


@cache
def private_key(kid: str) -> RSAKey | ECKey | OKPKey:
    """Return the key of that name; its kind is what stands before the first ``-``: ``rsa``, ``ec``, ``okp``."""
    kind = kid.partition("-")[0]
    if kind == "rsa":
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256") if kind == "ec" else OKPKey.generate_key("Ed25519")


def public_jwk(kid: str) -> dict[str, Any]:
    """Return what is published of the key of that name."""
    return {**private_key(kid).as_dict(private=False), "kid": kid, "use": "sig"}


def assertion(
    client_id: str,
    audience: object,
    now: datetime,
    *,
    kid: str = "ec",
    alg: str = "ES256",
    header: Mapping[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Return an assertion of ``client_id`` by the key ``kid``; a change to ``None`` leaves the member out."""
    moment = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "exp": moment + 60,
        "iat": moment,
        "jti": secrets.token_urlsafe(12),
        **changes,
    }
    signed = ".".join(
        _encoded(part) for part in ({"alg": alg, "kid": kid, "typ": "JWT", **(header or {})}, claims)
    )
    signature = Signatures.algorithms["EdDSA" if alg == "Ed25519" else alg].sign(
        signed.encode(), private_key(kid)
    )
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def asserted(client_assertion: str) -> dict[str, str]:
    """Return the parameters that carry an assertion."""
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client_assertion}


def _encoded(part: Mapping[str, Any]) -> str:
    present = {name: value for name, value in part.items() if value is not None}
    return base64.urlsafe_b64encode(json.dumps(present).encode()).rstrip(b"=").decode()
