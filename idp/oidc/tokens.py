"""ID tokens (OpenID Connect Core §2), access tokens (RFC 9068), and refresh tokens derived from their grant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from idp.accounts.party import Party
from idp.clients.model import Client
from idp.oidc.keys import ALGORITHMS, SigningKeys
from idp.rules.assurance import Proof, acr_of, amr_of, auth_time_of
from idp.rules.delegation import Actor, first_day, last_day
from idp.storage.keyring import Keyring

_MAX_TOKEN = 8_192
_GRANT_ID = re.compile(r"[0-9a-f]{64}")
_GENERATION = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Principal:
    """Whom a token is about: the account's holder, what was proved, and who acts."""

    party: Party
    proofs: tuple[Proof, ...]
    sid: str

    def claims(self) -> dict[str, Any]:
        """Return the claims that every token about this principal carries."""
        return {
            "sub": self.party.account.sub,
            "acr": acr_of(self.proofs),
            "amr": amr_of(self.proofs),
            "auth_time": auth_time_of(self.proofs),
            "sid": self.sid,
            **actor_claims(self.party.actor),
        }


def actor_claims(actor: Actor | None) -> dict[str, Any]:
    """Return ``act`` (RFC 8693 §4.1) and ``delegation`` with its days of Europe/Monaco, or nothing without an actor."""
    if actor is None:
        return {}
    last = last_day(actor.window)
    return {
        "act": {"sub": actor.sub, "name": actor.name},
        "delegation": {
            "id": actor.delegation_id,
            "valid_from": first_day(actor.window).isoformat(),
            "valid_until": last.isoformat() if last else None,
        },
    }


class BadToken(Exception):
    """An access token that is not ours, not for us, or over."""


@dataclass(frozen=True)
class TokenMint:
    """Signs tokens with preloaded keys."""

    issuer: str
    keys: SigningKeys
    lifetime: timedelta

    def access_token(
        self, client: Client, grant_id: str, scope: str, principal: Principal, now: datetime
    ) -> str:
        """Return an RFC 9068 access token for the provider's own resources. Its ``jti`` begins with the grant's id."""
        claims = {
            **self._frame(now),
            "aud": self.issuer,
            "client_id": client.client_id,
            "jti": f"{grant_id}.{secrets.token_urlsafe(9)}",
            "scope": scope,
            **principal.claims(),
        }
        return self._signed(client, "at+jwt", claims)

    def id_token(
        self, client: Client, principal: Principal, access_token: str, nonce: str | None, now: datetime
    ) -> str:
        """Return the ID token that goes with ``access_token``."""
        claims = {
            **self._frame(now),
            "aud": client.client_id,
            "at_hash": _half_hash(access_token),
            **({"nonce": nonce} if nonce is not None else {}),
            **principal.claims(),
        }
        return self._signed(client, "JWT", claims)

    def grant_of(self, access_token: str, now: datetime) -> tuple[str, dict[str, Any]]:
        """Return the grant's id and the claims of one of our access tokens. Raises ``BadToken``."""
        claims = self._verified(access_token, "at+jwt")
        grant_id = str(claims.get("jti", "")).partition(".")[0]
        expires = claims.get("exp")
        in_time = isinstance(expires, int) and now.timestamp() < expires
        if not in_time or claims.get("aud") != self.issuer or not _GRANT_ID.fullmatch(grant_id):
            raise BadToken
        return grant_id, claims

    def hint(self, id_token: str) -> dict[str, Any]:
        """Return the claims of an ID token of ours, over or not (Core §3.1.2.1). Raises ``BadToken``."""
        return self._verified(id_token, "JWT")

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

    def _frame(self, now: datetime) -> dict[str, Any]:
        issued = int(now.timestamp())
        return {"iss": self.issuer, "iat": issued, "exp": issued + int(self.lifetime.total_seconds())}

    def _signed(self, client: Client, kind: str, claims: Mapping[str, Any]) -> str:
        key = self.keys.current[client.id_token_signed_response_alg]
        header = {"typ": kind, "alg": key.alg, "kid": key.kid}
        return jwt.encode(header, dict(claims), key.key, algorithms=[key.alg])


@dataclass(frozen=True)
class RefreshTokens:
    """Derives refresh tokens: ``<grant>.<generation>.<mac>``; nothing of them is stored, a guess costs no statement."""

    keyring: Keyring

    def token(self, client_id: str, grant_id: str, generation: int) -> str:
        """Return the refresh token of a generation, bound to its client."""
        return (
            f"{grant_id}.{generation}.{_mac(self.keyring.derive('refresh'), client_id, grant_id, generation)}"
        )

    def read(self, client_id: str, token: str) -> tuple[str, int] | None:
        """Return grant and generation of a token that we made for this client, or ``None``. Constant time."""
        grant_id, _, rest = token.partition(".")
        generation, _, mac = rest.partition(".")
        shaped = _GRANT_ID.fullmatch(grant_id) and _GENERATION.fullmatch(generation) and mac.isascii()
        if not shaped:
            return None
        number = int(generation)
        keys = self.keyring.derive_all("refresh")
        known = [hmac.compare_digest(mac, _mac(key, client_id, grant_id, number)) for key in keys]
        return (grant_id, number) if any(known) else None


def _mac(key: bytes, client_id: str, grant_id: str, generation: int) -> str:
    message = f"{client_id}\0{grant_id}\0{generation}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode()


def _half_hash(token: str) -> str:
    """Return ``at_hash`` (OpenID Connect Core §3.1.3.6) for the SHA-256 algorithms."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
