"""Is this ID token what our provider signed, for us, now, for this sign-in (OIDC Core §3.1.3.7)?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from fse_portal.clock import Clock

ALGORITHMS = ("RS256", "ES256")
LEEWAY = timedelta(seconds=30)
KEYS_LIVE = timedelta(minutes=10)
KEYS_REST = timedelta(seconds=10)


class IdTokenRefused(Exception):
    """The ID token proves nothing; the argument says in one word why, without any of its contents."""


class Keys(Protocol):
    """The provider's public keys."""

    def current(self) -> KeySet:
        """Return the keys as they are known."""
        ...

    def after_rotation(self) -> KeySet | None:
        """Return newly fetched keys because one was unknown, or ``None`` when that was done a moment ago."""
        ...


class FetchedKeys:
    """Keys of a JWKS document, imported once (36 ms an RSA key); fetched again when old or one is unknown.

    ``fetch`` raises ``requests.RequestException``; both methods let it pass.
    """

    def __init__(self, fetch: Callable[[], Any], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._known: tuple[KeySet, datetime] | None = None

    def current(self) -> KeySet:
        """Return the keys as they are known, withdrawn ones for ten minutes at most."""
        with self._lock:
            if self._known is None or self._clock.now() - self._known[1] >= KEYS_LIVE:
                return self._fetched()
            return self._known[0]

    def after_rotation(self) -> KeySet | None:
        """Return newly fetched keys, at most every ten seconds: unknown key ids must not become a flood."""
        with self._lock:
            if self._known is not None and self._clock.now() - self._known[1] < KEYS_REST:
                return None
            return self._fetched()

    def _fetched(self) -> KeySet:
        keys = KeySet.import_key_set(self._fetch())
        self._known = (keys, self._clock.now())
        return keys


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
        try:
            token = self._decoded(id_token)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise IdTokenRefused("signature") from error
        if not nonce:
            raise IdTokenRefused("nonce")
        if token.header.get("typ", "JWT") != "JWT":
            raise IdTokenRefused("typ")
        if token.claims.get("aud") not in (self._client_id, [self._client_id]):
            raise IdTokenRefused("aud")
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": self._issuer}, "sub": {"essential": True}},
            {"nonce": nonce, "client_id": self._client_id, "access_token": access_token},
        )
        try:
            claims.validate(now=int(self._clock.now().timestamp()), leeway=int(LEEWAY.total_seconds()))
        except (JoseError, TypeError) as error:
            raise IdTokenRefused(getattr(error, "claim", None) or type(error).__name__) from error
        return token.claims

    def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._keys.current(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            keys = self._keys.after_rotation()
            if keys is None:
                raise
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)
