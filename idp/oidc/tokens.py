"""ID tokens (OpenID Connect Core §2), access tokens (RFC 9068), and whatever else the provider signs."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from idp.clients.model import Client
from idp.oidc.keys.signing import ALGORITHMS, SigningKeys
from idp.oidc.principal import Principal
from idp.oidc.subjects import Subjects

_MAX_TOKEN = 8_192
_GRANT_ID = re.compile(r"[0-9a-f]{64}")


class BadToken(Exception):
    """A token that is not ours, of another kind, or over."""


@dataclass(frozen=True)
class AccessToken:
    """One of our access tokens that verifies and is in time."""

    claims: Mapping[str, Any]

    @property
    def grant_id(self) -> str | None:
        """The grant that it came of; ``None`` for one that a client got for itself (client credentials)."""
        found = str(self.claims.get("jti", "")).partition(".")[0]
        return found if _GRANT_ID.fullmatch(found) else None

    @property
    def audience(self) -> tuple[str, ...]:
        """Whom it is for."""
        found = self.claims.get("aud")
        return (found,) if isinstance(found, str) else tuple(found or ())

    @property
    def scope(self) -> frozenset[str]:
        """What it is good for there."""
        return frozenset(str(self.claims.get("scope", "")).split(" ")) - {""}


@dataclass(frozen=True)
class TokenMint:
    """Signs and reads tokens with preloaded keys."""

    issuer: str
    keys: SigningKeys
    lifetime: timedelta
    subjects: Subjects

    def access_token(
        self,
        client: Client,
        grant_id: str,
        scope: str,
        principal: Principal,
        now: datetime,
        audience: Sequence[str] = (),
        reader: Client | None = None,
    ) -> str:
        """Return an RFC 9068 access token whose ``jti`` begins with the grant's id.

        ``audience`` is whom it is for, by default the provider's own resources (userinfo); ``reader`` the client that
        serves that audience, which knows people by its own subjects.
        """
        claims = {
            **self.frame(now),
            "aud": _one_or_several(audience or (self.issuer,)),
            "client_id": client.client_id,
            "jti": f"{grant_id}.{secrets.token_urlsafe(9)}",
            "scope": scope,
            **principal.claims(self.subjects.as_known_to(reader or client)),
        }
        return self.signed(client.id_token_signed_response_alg, "at+jwt", claims)

    def id_token(
        self,
        client: Client,
        principal: Principal,
        access_token: str,
        nonce: str | None,
        now: datetime,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the ID token that goes with ``access_token``; ``claims``: those asked for one by one (Core §5.5)."""
        told = {
            **(claims or {}),
            **self.frame(now),
            "aud": client.client_id,
            "at_hash": _half_hash(access_token),
            **({"nonce": nonce} if nonce is not None else {}),
            **principal.claims(self.subjects.as_known_to(client)),
        }
        return self.signed(client.id_token_signed_response_alg, "JWT", told)

    def read_access_token(self, token: str, now: datetime) -> AccessToken:
        """Return one of our access tokens, whomever it is for. Raises ``BadToken``."""
        claims = self._verified(token, "at+jwt")
        expires = claims.get("exp")
        if not isinstance(expires, int) or now.timestamp() >= expires:
            raise BadToken
        return AccessToken(claims)

    def hint(self, id_token: str) -> dict[str, Any]:
        """Return the claims of an ID token of ours, over or not (Core §3.1.2.1). Raises ``BadToken``."""
        return self._verified(id_token, "JWT")

    def frame(self, now: datetime) -> dict[str, Any]:
        """Return ``iss``, ``iat`` and ``exp`` of a token made at ``now``."""
        issued = int(now.timestamp())
        return {"iss": self.issuer, "iat": issued, "exp": issued + int(self.lifetime.total_seconds())}

    def signed(self, alg: str, kind: str, claims: Mapping[str, Any]) -> str:
        """Return a JWS of ``claims`` by the present key of ``alg``; ``kind`` is its ``typ`` (RFC 8725 §3.11)."""
        key = self.keys.current[alg]
        header = {"typ": kind, "alg": key.alg, "kid": key.kid}
        return jwt.encode(header, dict(claims), key.key, algorithms=[key.alg])

    def _verified(self, token: str, kind: str) -> dict[str, Any]:
        if len(token) > _MAX_TOKEN:
            raise BadToken
        try:
            decoded = jwt.decode(token, self.keys.verifying, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as error:
            raise BadToken from error
        if decoded.header.get("typ") != kind or decoded.claims.get("iss") != self.issuer:
            raise BadToken
        return dict(decoded.claims)


def _one_or_several(audience: Sequence[str]) -> str | list[str]:
    return audience[0] if len(audience) == 1 else list(audience)


def _half_hash(token: str) -> str:
    """Return ``at_hash`` (OpenID Connect Core §3.1.3.6) for the SHA-256 algorithms."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
