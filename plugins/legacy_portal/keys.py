"""The provider's public keys, found by discovery and remembered for five minutes."""

from __future__ import annotations

from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from legacy_portal.clock import Clock

LIVE_SECONDS = 300.0
"""As long as the provider lets its JWKS be cached: a withdrawn key is believed no longer."""

REST_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0


class KeysUnavailable(Exception):
    """The provider's keys cannot be had now; that is no fault of who asks."""


class ProviderKeys:
    """The keys of one issuer."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._lock = Lock()
        self._known: tuple[KeySet, float] | None = None
        self._http = requests.Session()
        # No proxy of the environment leads to this machine.
        self._http.trust_env = urlsplit(issuer).hostname not in {"localhost", "127.0.0.1", "::1"}

    def current(self) -> KeySet:
        """Return the keys as they are known. Raises ``KeysUnavailable``."""
        with self._lock:
            if self._known is None or self._clock.now() - self._known[1] >= LIVE_SECONDS:
                return self._fetched()
            return self._known[0]

    def after_rotation(self) -> KeySet | None:
        """Return newly fetched keys because one was unknown, at most every ten seconds; else ``None``."""
        with self._lock:
            if self._known is not None and self._clock.now() - self._known[1] < REST_SECONDS:
                return None
            return self._fetched()

    def _fetched(self) -> KeySet:
        try:
            metadata = self._json(f"{self._issuer}/.well-known/openid-configuration")
            if metadata["issuer"] != self._issuer:
                raise KeysUnavailable("another issuer answers")
            keys = KeySet.import_key_set(self._json(metadata["jwks_uri"]))
        except (requests.RequestException, JoseError, ValueError, KeyError, TypeError) as error:
            raise KeysUnavailable(type(error).__name__) from error
        self._known = keys, self._clock.now()
        return keys

    def _json(self, address: str) -> Any:
        answer = self._http.get(address, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()
