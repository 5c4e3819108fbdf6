"""An OpenID Provider on loopback that does as a test tells it, wrong things too, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from fse_portal.clock import Clock
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

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
    userinfo: dict[str, Any] = field(default_factory=dict)
    userinfo_status: int = 200
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
        self.keys: list[RSAKey | ECKey] = [RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})]
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
        asked = self.codes.pop(sent.get("code", ""), None)
        challenge = _encoded(hashlib.sha256(sent["code_verifier"].encode()).digest())
        if (
            asked is None
            or authorization != _basic(CLIENT_ID, CLIENT_SECRET)
            or asked["code_challenge"] != challenge
            or sent["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(32)
        id_token = self.id_token(asked["nonce"], access_token)
        right = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": id_token,
        }
        self.minted += [access_token, id_token, sent["code_verifier"]]
        return self.does.token_status, _with(right, self.does.token_answer)

    def userinfo(self) -> tuple[int, dict[str, Any]]:
        return self.does.userinfo_status, _with(self.does.person, self.does.userinfo)

    def id_token(self, nonce: str, access_token: str) -> str:
        now = int(self.clock.now().timestamp())
        key = self.keys[-1]
        right = {
            **self.does.person,
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "auth_time": now - 5,
            "nonce": nonce,
            "at_hash": at_hash(access_token),
            "sid": "s-1",
        }
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        header = _with({"alg": algorithm, "kid": key.kid}, self.does.header)
        signed = jwt.encode(header, _with(right, self.does.claims), key, algorithms=[algorithm])
        return self.does.forge(signed) if self.does.forge else signed


def at_hash(access_token: str) -> str:
    """OpenID Connect Core §3.1.3.6, for the algorithms with SHA-256."""
    return _encoded(hashlib.sha256(access_token.encode()).digest()[:16])


def unsigned(token: str) -> str:
    """The same claims with ``alg: none``."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def signed_with_public_key(provider: StandIn) -> Callable[[str], str]:
    """The same claims under HS256, keyed with the public key that everybody can read.

    By hand, because joserfc refuses to take a public key for a shared one; an attacker's program does not.
    """
    public = cast(RSAKey, provider.keys[-1]).as_pem(private=False)
    header = _part({"alg": "HS256", "typ": "JWT", "kid": provider.keys[-1].kid})

    def forge(token: str) -> str:
        content = f"{header}.{token.split('.')[1]}"
        return f"{content}.{_encoded(hmac.digest(public, content.encode(), hashlib.sha256))}"

    return forge


def signed_with_own_key(**header: Any) -> Callable[[str], str]:
    """The same claims, signed by a key that the provider does not publish."""
    key = RSAKey.generate_key(2048, {"kid": "rsa-1"})

    def forge(token: str) -> str:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        own = {name: key.as_dict(private=False) if name == "jwk" else value for name, value in header.items()}
        return jwt.encode({"alg": "RS256", "kid": "rsa-1", **own}, claims, key, algorithms=["RS256"])

    return forge


def with_header(header: Mapping[str, Any]) -> Callable[[str], str]:
    """The same claims and signature under another header."""
    return lambda token: f"{_part(header)}.{token.partition('.')[2]}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value).encode())


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
            self._json(200, dict(KeySet(list(provider.keys)).as_dict(private=False)))
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
        self._json(*provider.token(sent, self.headers.get("Authorization", "")))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.provider.issuer}/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
