"""ID tokens (OpenID Connect Core §2), access tokens (RFC 9068), and whatever else the provider signs."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet

from idp.clients.model import Client
from idp.oidc.keys.signing import Signatures
from idp.oidc.keys.store import KeyStore
from idp.oidc.principal import Principal
from idp.oidc.subjects import Subjects

MAX_TOKEN = 8_192
"""Characters of what is read as a token of ours."""

_SALT = 9
"""Random bytes that make each token of a grant another one."""


class BadToken(Exception):
    """A token that is not ours, of another kind, or over."""


@dataclass(frozen=True)
class AccessToken:
    """One of our access tokens that verifies and is in time."""

    claims: Mapping[str, Any]
    grant_id: str | None
    """The grant that it came of; ``None`` for one that a client got for itself (client credentials)."""

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
    keys: KeyStore
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
        until: int | None = None,
    ) -> str:
        """Return an RFC 9068 access token whose ``jti`` holds the grant's id for us alone.

        ``audience`` is whom it is for, by default the provider's own resources (userinfo); ``reader`` the client that
        serves that audience, which knows people by its own subjects; ``until`` its end in seconds since the epoch,
        where that is sooner than usual.
        """
        jti = self.subjects.grants.sealed(bytes.fromhex(grant_id) + secrets.token_bytes(_SALT))
        claims = {
            **self.frame(now, until),
            "aud": _one_or_several(audience or (self.issuer,)),
            "client_id": client.client_id,
            "jti": jti,
            "scope": scope,
            **principal.claims(self.subjects, reader or client),
        }
        return self.signed(client.id_token_signed_response_alg, "at+jwt", claims)

    def client_access_token(
        self, client: Client, token_id: str, scope: str, audience: Sequence[str], now: datetime
    ) -> str:
        """Return an access token that a client gets for itself: its subject is the client (RFC 9068 §2.2), no person.

        ``token_id`` is its ``jti``; nothing else stands behind it.
        """
        claims = {
            **self.frame(now),
            "aud": _one_or_several(audience),
            "sub": client.client_id,
            "client_id": client.client_id,
            "jti": token_id,
            "scope": scope,
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
        until: int | None = None,
    ) -> str:
        """Return the ID token that goes with ``access_token``; ``claims``: those asked for one by one (Core §5.5)."""
        told = {
            **(claims or {}),
            **self.frame(now, until),
            "aud": client.client_id,
            "at_hash": _half_hash(access_token, client.id_token_signed_response_alg),
            **({"nonce": nonce} if nonce is not None else {}),
            **principal.claims(self.subjects, client),
        }
        return self.signed(client.id_token_signed_response_alg, "JWT", told)

    def read_access_token(self, token: str, now: datetime) -> AccessToken:
        """Return one of our access tokens, whomever it is for. Raises ``BadToken``."""
        claims = self._verified(token, "at+jwt")
        expires = claims.get("exp")
        if not isinstance(expires, int) or now.timestamp() >= expires:
            raise BadToken
        jti = claims.get("jti")
        name = self.subjects.grants.opened(jti) if isinstance(jti, str) else None
        return AccessToken(claims, name[:-_SALT].hex() if name else None)

    def hint(self, id_token: str) -> dict[str, Any]:
        """Return the claims of an ID token of ours, over or not (Core §3.1.2.1). Raises ``BadToken``."""
        return self._verified(id_token, "JWT")

    def frame(self, now: datetime, until: int | None = None) -> dict[str, Any]:
        """Return ``iss``, ``iat`` and ``exp`` of a token made at ``now``, which ends by ``until`` at the latest."""
        issued = int(now.timestamp())
        usual = issued + int(self.lifetime.total_seconds())
        return {"iss": self.issuer, "iat": issued, "exp": usual if until is None else min(usual, until)}

    def signed(self, alg: str, kind: str, claims: Mapping[str, Any]) -> str:
        """Return a JWS of ``claims`` by the present key of ``alg``; ``kind`` is its ``typ`` (RFC 8725 §3.11)."""
        key = self.keys.signing(alg)
        header = {"typ": kind, "alg": key.alg, "kid": key.kid}
        return jwt.encode(header, dict(claims), key.key, registry=Signatures())

    def _verified(self, token: str, kind: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise BadToken
        try:
            decoded = jwt.decode(token, self._named_by, registry=Signatures())
        except (JoseError, ValueError, TypeError, AttributeError) as error:  # joserfc trusts a header's shape
            raise BadToken from error
        if decoded.header.get("typ") != kind or decoded.claims.get("iss") != self.issuer:
            raise BadToken
        return dict(decoded.claims)

    def _named_by(self, token: GuestProtocol) -> KeySet:
        return self.keys.verifying(token.headers().get("kid")).verifying


def _one_or_several(audience: Sequence[str]) -> str | list[str]:
    return audience[0] if len(audience) == 1 else list(audience)


def _half_hash(token: str, alg: str) -> str:
    """Return ``at_hash`` (OpenID Connect Core §3.1.3.6): by the hash of ``alg``, which in Ed25519 is SHA-512."""
    digest = hashlib.new("sha512" if alg == "EdDSA" else "sha256", token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
