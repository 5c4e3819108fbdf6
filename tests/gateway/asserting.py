"""Assertions as the gateway makes them, and as others would like to."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = "https://id.example"
BASE_URL = "https://portail.example.org"
HOST = "portail.example.org"
NOW = 1_768_469_400
ABSENT = object()

DOCTOR: dict[str, Any] = {
    "iss": ISSUER,
    "aud": HOST,
    "sub": "p-1",
    "iat": NOW,
    "exp": NOW + 60,
    "jti": "one",
    "acr": "mfa",
    "amr": ["pwd", "otp", "mfa"],
    "auth_time": NOW - 60,
    "sid": "s-1",
    "name": "LÉVÊQUE Zoé",
    "preferred_username": "608349",
    "account_profile": "health_professional",
}
ACT = {"sub": "a-1", "name": "NAUDIN Fernand"}
PLAIN = {
    "Remote-User": "p-1",
    "Remote-Name": "L%C3%89V%C3%8AQUE Zo%C3%A9",
    "Remote-Login": "608349",
    "Remote-Profile": "health_professional",
    "Remote-Acr": "mfa",
    "Remote-Actor": "",
    "Remote-Actor-Name": "",
}
ACTING = {**PLAIN, "Remote-Actor": "a-1", "Remote-Actor-Name": "NAUDIN Fernand"}


class StillClock:
    """A clock that stands."""

    def now(self) -> float:
        return NOW


class KnownKeys:
    """Keys without a provider; ``rotated`` come when an unknown one was asked for."""

    def __init__(self, *keys: ECKey, rotated: ECKey | None = None) -> None:
        self._keys = list(keys)
        self._rotated = rotated

    def current(self) -> KeySet:
        return KeySet([*self._keys])

    def after_rotation(self) -> KeySet | None:
        return KeySet([*self._keys, self._rotated]) if self._rotated else None


def new_key(kid: str = "one") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def asserted(key: ECKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return an assertion of the doctor with changes; ``ABSENT`` leaves a claim or header out."""
    claims = {name: value for name, value in {**DOCTOR, **changes}.items() if value is not ABSENT}
    wanted = {"alg": "ES256", "typ": "gateway+jwt", "kid": key.kid, **(header or {})}
    kept = {name: value for name, value in wanted.items() if value is not ABSENT}
    return jwt.encode(kept, claims, key, algorithms=[kept["alg"]])
