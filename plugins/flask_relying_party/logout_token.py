"""Is this a logout token of our provider, for us, now (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6)?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_relying_party.clock import Clock
from flask_relying_party.keys import LEEWAY, Keys, NotSigned, signed_by

EVENT = "http://schemas.openid.net/event/backchannel-logout"
KINDS = ("logout+jwt", "application/logout+jwt")
TEXT_LIMIT = 255


class LogoutRefused(Exception):
    """The logout token ends nothing; the argument says why, without any of its contents."""


@dataclass(frozen=True)
class Logout:
    """What has ended at the provider: the session ``sid``, or without one every session of ``sub``."""

    jti: str
    sid: str | None
    sub: str | None
    issued_at: datetime
    expires_at: datetime


class LogoutTokenVerifier:
    """Checks logout tokens of one issuer for one client."""

    def __init__(self, keys: Keys, clock: Clock, *, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._client_id = client_id

    def verify(self, logout_token: str) -> Logout:
        """Return what it ends. Whether it came before is asked of the table of sessions.

        Raises ``LogoutRefused``, or ``requests.RequestException`` for want of keys.
        """
        try:
            token = signed_by(self._keys, logout_token)
        except NotSigned as error:
            raise LogoutRefused("signature") from error
        claims = token.claims
        # An ID token must never pass here, nor this one as an ID token: hence typ, the event, and no nonce.
        _expect(str(token.header.get("typ", "")).lower() in KINDS, "typ")
        _expect(claims.get("iss") == self._issuer, "iss")
        _expect(claims.get("aud") in (self._client_id, [self._client_id]), "aud")
        _expect("nonce" not in claims, "nonce")
        events = claims.get("events")
        _expect(isinstance(events, dict) and isinstance(events.get(EVENT), dict), "events")
        issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
        now = self._clock.now()
        _expect(issued_at <= now + LEEWAY, "iat")
        _expect(now < expires_at + LEEWAY, "exp")
        jti, sid, sub = (_text(claims, name) for name in ("jti", "sid", "sub"))
        if jti is None:
            raise LogoutRefused("jti")
        _expect(sid is not None or sub is not None, "sid or sub")
        return Logout(jti, sid, sub, issued_at, expires_at)


def _expect(met: bool, claim: str) -> None:
    if not met:
        raise LogoutRefused(claim)


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims.get(name)
    _expect(type(value) is int and 0 < value < 2**33, name)
    return datetime.fromtimestamp(int(str(value)), UTC)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if name not in claims:
        return None
    if not isinstance(value, str) or not value or len(value) > TEXT_LIMIT:
        raise LogoutRefused(name)
    return value
