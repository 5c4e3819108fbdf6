"""Is this ID token what our provider signed, for us, now, for this sign-in (OIDC Core §3.1.3.7)?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from flask_relying_party.clock import Clock
from flask_relying_party.keys import LEEWAY, Keys, NotSigned, signed_by


class IdTokenRefused(Exception):
    """The ID token proves nothing; the argument says in one word why, without any of its contents."""


class IdTokenVerifier:
    """Checks ID tokens of one issuer for one client."""

    def __init__(self, keys: Keys, clock: Clock, *, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._client_id = client_id

    def verify(self, id_token: str, *, access_token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims; raises ``IdTokenRefused``, or ``requests.RequestException`` for want of keys.

        Authlib checks ``exp``, ``iat``, ``nonce``, ``azp`` and a present ``at_hash``. Closed here: algorithms
        are named instead of taken from the provider's metadata, the nonce cannot be left out, ``aud`` is this
        client and nobody else, other kinds of JWT are refused by ``typ``, the time is the given clock's.
        """
        if not nonce:
            raise IdTokenRefused("nonce")
        return self._verified(id_token, {"nonce": nonce, "access_token": access_token})

    def verify_refreshed(self, id_token: str, *, access_token: str) -> Mapping[str, Any]:
        """Do the same for one that came with a refresh, where there was no nonce to send (Core §12.2)."""
        return self._verified(id_token, {"access_token": access_token})

    def _verified(self, id_token: str, expected: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            token = signed_by(self._keys, id_token)
        except NotSigned as error:
            raise IdTokenRefused("signature") from error
        if token.header.get("typ", "JWT") != "JWT":
            raise IdTokenRefused("typ")
        if token.claims.get("aud") not in (self._client_id, [self._client_id]):
            raise IdTokenRefused("aud")
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": self._issuer}, "sub": {"essential": True}},
            {"client_id": self._client_id, **expected},
        )
        try:
            claims.validate(now=int(self._clock.now().timestamp()), leeway=int(LEEWAY.total_seconds()))
        except (JoseError, TypeError) as error:
            raise IdTokenRefused(getattr(error, "claim", None) or type(error).__name__) from error
        return token.claims
