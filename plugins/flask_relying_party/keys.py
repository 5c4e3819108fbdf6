"""The provider's public keys, and what they signed: algorithms are named here, never taken from a token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from requests.exceptions import InvalidJSONError

from flask_relying_party.clock import Clock

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
LEEWAY = timedelta(seconds=30)
LENGTH_LIMIT = 8192
KEYS_LIVE = timedelta(minutes=5)
"""As long as the provider lets its JWKS be cached: a withdrawn key is believed no longer."""
KEYS_REST = timedelta(seconds=10)


class NotSigned(Exception):
    """Nothing that the provider signed with an algorithm of ``ALGORITHMS``."""


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

    ``fetch`` raises ``requests.RequestException``; both methods let it pass, and raise it for what is no JWK Set:
    that is no fault of the token to be checked.
    """

    def __init__(self, fetch: Callable[[], Any], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._known: tuple[KeySet, datetime] | None = None

    def current(self) -> KeySet:
        """Return the keys as they are known, withdrawn ones for five minutes at most."""
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
        document = self._fetch()
        try:
            keys = KeySet.import_key_set(document)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise InvalidJSONError("not a JWK Set with a usable key") from error
        self._known = (keys, self._clock.now())
        return keys


def signed_by(keys: Keys, token: str) -> jwt.Token:
    """Return header and claims of a JWT whose signature is the provider's; nothing else of it was looked at.

    Raises ``NotSigned``, or ``requests.RequestException`` for want of keys.
    """
    if len(token) > LENGTH_LIMIT:
        raise NotSigned
    try:
        try:
            return jwt.decode(token, keys.current(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            renewed = keys.after_rotation()
            if renewed is None:
                raise
            return jwt.decode(token, renewed, algorithms=ALGORITHMS)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise NotSigned from error
