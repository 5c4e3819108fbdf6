"""In front of a portal that believes headers: nothing passes that the gateway has not signed for this very host.

This is what to copy: a WSGI middleware, which needs only joserfc and the provider's JWKS (``keys.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from legacy_portal.clock import Clock
from legacy_portal.keys import KeysUnavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "HTTP_REMOTE_"
SIGNED = ("USER", "NAME", "LOGIN", "PROFILE", "ACR", "ACTOR", "ACTOR_NAME")
"""The headers that the assertion repeats; no other one passes."""

ALGORITHMS = ["ES256"]
TYPE = "gateway+jwt"
LEEWAY_SECONDS = 5
LENGTH_LIMIT = 8192


class AssertionRefused(Exception):
    """The assertion proves nothing here; the argument says in one word why, without any of its contents."""


class Keys(Protocol):
    """The provider's public keys; both methods raise ``KeysUnavailable``."""

    def current(self) -> KeySet:
        """Return the keys as they are known."""
        ...

    def after_rotation(self) -> KeySet | None:
        """Return newly fetched keys because one was unknown, or ``None`` when that was done a moment ago."""
        ...


class AssertionVerifier:
    """Checks ``Remote-Assertion`` for one host; ``audience`` is the host as its address writes it."""

    def __init__(self, keys: Keys, clock: Clock, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._clock = clock
        self._expected = {"iss": issuer, "aud": audience}

    def verify(self, assertion: str) -> Mapping[str, Any]:
        """Return the claims. Raises ``AssertionRefused``, or ``KeysUnavailable``."""
        token = self._signed(assertion)
        if token.header.get("typ") != TYPE:
            raise AssertionRefused("typ")
        claims = token.claims
        for name, value in self._expected.items():
            if claims.get(name) != value:
                raise AssertionRefused(name)
        now = self._clock.now()
        for name in ("iat", "exp"):
            if type(claims.get(name)) is not int:
                raise AssertionRefused(name)
        if claims["iat"] > now + LEEWAY_SECONDS:
            raise AssertionRefused("iat")
        if claims["exp"] <= now - LEEWAY_SECONDS:
            raise AssertionRefused("exp")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise AssertionRefused("sub")
        return claims

    def _signed(self, assertion: str) -> jwt.Token:
        if not assertion or len(assertion) > LENGTH_LIMIT:
            raise AssertionRefused("assertion")
        try:
            try:
                return jwt.decode(assertion, self._keys.current(), algorithms=ALGORITHMS)
            except InvalidKeyIdError:
                renewed = self._keys.after_rotation()
                if renewed is None:
                    raise
                return jwt.decode(assertion, renewed, algorithms=ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise AssertionRefused("signature") from error


class OnlyThroughTheGateway:
    """WSGI middleware: 401 for what did not come through the gateway, 503 without keys to know it by.

    On the ``public`` paths, by whole segments, everybody passes, and nobody's headers do.
    """

    def __init__(self, app: WSGIApplication, verifier: AssertionVerifier, public: Collection[str]) -> None:
        self._app = app
        self._verifier = verifier
        self._public = public

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if any(path == one or path.startswith(f"{one}/") for one in self._public):
            _drop(environ)
            return self._app(environ, start_response)
        try:
            claims = self._verifier.verify(environ.get(f"{PREFIX}ASSERTION", ""))
            agree(claims, environ)
        except AssertionRefused as refused:
            why = f'Bearer error="invalid_token", error_description="{refused}"'
            return _answer(start_response, "401 Unauthorized", [("WWW-Authenticate", why)])
        except KeysUnavailable:
            return _answer(start_response, "503 Service Unavailable", [("Retry-After", "5")])
        _drop(environ, kept=SIGNED)
        return self._app(environ, start_response)


def _drop(environ: WSGIEnvironment, kept: Collection[str] = ()) -> None:
    for name in [name for name in environ if name.startswith(PREFIX)]:
        if name.removeprefix(PREFIX) not in kept:
            del environ[name]


def agree(claims: Mapping[str, Any], environ: Mapping[str, Any]) -> None:
    """Raise ``AssertionRefused`` unless the plain headers say what the assertion says, no more and no less.

    Two headers of one name arrive joined by a comma, so they agree with nothing.
    """
    act = claims.get("act", {})
    said = {
        "USER": claims["sub"],
        "NAME": claims.get("name"),
        "LOGIN": claims.get("preferred_username"),
        "PROFILE": claims.get("account_profile"),
        "ACR": claims.get("acr"),
        "ACTOR": act.get("sub"),
        "ACTOR_NAME": act.get("name"),
    }
    for name in SIGNED:
        value = said[name]
        if unquote(environ.get(PREFIX + name, "")) != (value or ""):
            raise AssertionRefused(f"remote-{name.lower().replace('_', '-')}")


def _answer(start_response: StartResponse, status: str, headers: list[tuple[str, str]]) -> Iterable[bytes]:
    text = "Ce portail ne s'ouvre que par son adresse habituelle.\n"
    if status.startswith("503"):
        text = "Le service d'identification ne répond pas. Patientez quelques secondes, puis réessayez.\n"
    plain = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    start_response(status, [*plain, *headers])
    return [text.encode()]
