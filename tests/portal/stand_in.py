"""An OpenID Provider on loopback that does as a test tells it, wrong things too, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from flask_relying_party import Clock
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

CLIENT_ID = "portail-fse"
CLIENT_SECRET = "secret-of-the-portal"
ABSENT = object()

DOCTOR: Mapping[str, Any] = {
    "sub": "p-1",
    "name": "HKLOMTZULT FIFQOE",
    "acr": "mfa",
    "amr": ["pwd", "otp", "mfa"],
}
DOCTOR_BY_PASSWORD: Mapping[str, Any] = {**DOCTOR, "acr": "pwd", "amr": ["pwd"]}
ASSISTANT: Mapping[str, Any] = {
    **DOCTOR,
    "act": {"sub": "a-1", "name": "NAUDIN Fernand"},
    "delegation": {"id": "d-1", "valid_from": "2025-12-03T23:00:00Z", "valid_until": None},
}


@dataclass
class Behaviour:
    """What the provider does next; every field's default is right."""

    person: Mapping[str, Any] = field(default_factory=lambda: DOCTOR)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    discovery: dict[str, Any] = field(default_factory=dict)
    jwks: Any = ABSENT
    revocation_status: int = 200
    userinfo: dict[str, Any] = field(default_factory=dict)
    userinfo_status: int = 200
    grant_ended: bool = False
    """Refresh and userinfo are refused, as after the removal of an assistant."""
    lost_answers: int = 0
    """How many token requests are done without their answer being sent."""
    forge: Callable[[str], str] | None = None
    down: bool = False


class StandIn:
    """The running provider. ``does`` is its behaviour, ``asked`` counts requests by path."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.does = Behaviour()
        self.asked: Counter[str] = Counter()
        self.requests: list[dict[str, str]] = []
        self.minted: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: dict[str, str | None] = {}
        """Each with its successor, once it was used."""
        self.given_back: list[str] = []
        self.before_refresh: Callable[[], object] = lambda: None
        self.authenticated_at: int | None = None
        self.keys: list[RSAKey | ECKey | OKPKey] = [RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        cast(Any, self._server).provider = self
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def discovery(self) -> dict[str, Any]:
        at = self.issuer
        return _with(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/oauth2/authorize",
                "token_endpoint": f"{at}/oauth2/token",
                "userinfo_endpoint": f"{at}/oauth2/userinfo",
                "jwks_uri": f"{at}/oauth2/jwks",
                "end_session_endpoint": f"{at}/logout",
                "revocation_endpoint": f"{at}/oauth2/revoke",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            },
            self.does.discovery,
        )

    def authorize(self, asked: dict[str, str]) -> str:
        self.requests.append(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        right = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(_with(right, self.does.answer))}"

    def token(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != _basic(CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if sent["grant_type"] == "refresh_token":
            return self._refreshed(sent["refresh_token"])
        asked = self.codes.pop(sent.get("code", ""), None)
        challenge = encoded(hashlib.sha256(sent["code_verifier"].encode()).digest())
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or sent["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        self.minted.append(sent["code_verifier"])
        return self._answer(asked["nonce"], self._new_refresh_token())

    def revoke(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != _basic(CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        self.given_back.append(sent["token"])
        return self.does.revocation_status, {}

    def _refreshed(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        """Like the provider: the last one that was spent gives the same successor again, an older one nothing."""
        self.before_refresh()
        if self.does.grant_ended or refresh_token not in self.refresh_tokens:
            return 400, {"error": "invalid_grant"}
        successor = self.refresh_tokens[refresh_token]
        if successor is None:
            successor = self.refresh_tokens[refresh_token] = self._new_refresh_token()
        elif self.refresh_tokens[successor] is not None:
            return 400, {"error": "invalid_grant"}
        return self._answer(ABSENT, successor)

    def _new_refresh_token(self) -> str:
        made = secrets.token_urlsafe(32)
        self.refresh_tokens[made] = None
        return made

    def _answer(self, nonce: object, refresh_token: str) -> tuple[int, dict[str, Any]]:
        access_token = secrets.token_urlsafe(32)
        id_token = self.id_token(nonce, access_token)
        right = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": id_token,
            "refresh_token": refresh_token,
        }
        self.minted += [access_token, id_token, refresh_token]
        return self.does.token_status, _with(right, self.does.token_answer)

    def userinfo(self) -> tuple[int, dict[str, Any]]:
        if self.does.grant_ended:
            return 401, {}
        return self.does.userinfo_status, _with(self.does.person, self.does.userinfo)

    def id_token(self, nonce: object, access_token: str) -> str:
        now = int(self.clock.now().timestamp())
        if self.authenticated_at is None or nonce is not ABSENT:
            self.authenticated_at = now - 5
        right = {
            **self.does.person,
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "auth_time": self.authenticated_at,
            "nonce": nonce,
            "at_hash": at_hash(access_token),
            "sid": "s-1",
        }
        return self.signed(self.does.header, _with(right, self.does.claims))

    def logout_token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A right logout token for the session ``s-1`` (Back-Channel Logout 1.0 §2.4), but for the changes."""
        now = int(self.clock.now().timestamp())
        right = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sub": self.does.person["sub"],
            "sid": "s-1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return self.signed(_with({"typ": "logout+jwt"}, header or {}), _with(right, changes))

    def access_token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A right access token for the portal's API (RFC 9068 §2.2), but for the changes."""
        now = int(self.clock.now().timestamp())
        right = {
            **{name: value for name, value in self.does.person.items() if name != "name"},
            "iss": self.issuer,
            "aud": "http://127.0.0.1:8081/api",
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(16),
            "client_id": "logiciel",
            "scope": "fse",
            "auth_time": now - 5,
            "sid": "s-1",
        }
        return self.signed(_with({"typ": "at+jwt"}, header or {}), _with(right, changes))

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JWT by the newest key."""
        key = self.keys[-1]
        algorithm = "ES256" if isinstance(key, ECKey) else "EdDSA" if isinstance(key, OKPKey) else "RS256"
        named = _with({"alg": algorithm, "kid": key.kid}, header)
        signed = jwt.encode(named, dict(claims), key, algorithms=[named.get("alg", algorithm)])
        return self.does.forge(signed) if self.does.forge else signed


def at_hash(access_token: str) -> str:
    """OpenID Connect Core §3.1.3.6, for the algorithms with SHA-256."""
    return encoded(hashlib.sha256(access_token.encode()).digest()[:16])


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _with(right: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**right, **changes}.items() if value is not ABSENT}


class _Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> StandIn:
        return cast(StandIn, cast(Any, self.server).provider)

    def do_GET(self) -> None:
        provider, parts = self.provider, urlsplit(self.path)
        provider.asked[parts.path] += 1
        if provider.does.down:
            self.close_connection = True
        elif parts.path == "/.well-known/openid-configuration":
            self._json(200, provider.discovery())
        elif parts.path == "/oauth2/jwks":
            right = dict(KeySet(list(provider.keys)).as_dict(private=False))
            self._json(200, right if provider.does.jwks is ABSENT else provider.does.jwks)
        elif parts.path == "/oauth2/authorize":
            self._redirect(provider.authorize(dict(parse_qsl(parts.query))))
        elif parts.path == "/oauth2/userinfo":
            self._json(*provider.userinfo())
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        provider = self.provider
        provider.asked[self.path] += 1
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if provider.does.down:
            self.close_connection = True
            return
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        authorization = self.headers.get("Authorization", "")
        if self.path == "/oauth2/revoke":
            self._json(*provider.revoke(sent, authorization))
            return
        answer = provider.token(sent, authorization)
        if provider.does.lost_answers:
            provider.does.lost_answers -= 1
            self.close_connection = True
            return
        self._json(*answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.provider.issuer}/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
