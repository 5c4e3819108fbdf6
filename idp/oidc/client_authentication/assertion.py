"""Client assertions (RFC 7523 §3, OpenID Connect Core §9 ``private_key_jwt``): signed by the client, good once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry

from idp.clients.model import Client
from idp.clients.public_keys import OTHER_NAMES
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.oidc.client_authentication.client_keys import ClientKeys
from idp.oidc.keys.signing import ALGORITHMS, Signatures
from idp.storage.ephemeral import EphemeralStore

METHOD: Final = "private_key_jwt"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

MAX_AHEAD: Final = timedelta(minutes=10)
"""How far ``exp`` may lie ahead, and ``iat`` back."""

LEEWAY: Final = timedelta(seconds=30)
"""By how much the client's clock may differ."""

_MAX_ASSERTION = 8_192
_MAX_JTI = 256
_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""All else is refused: a key or an address that the assertion itself brings (``jwk``, ``jku``, ``x5u``), ``crit``, …"""

_TYPES = frozenset({"jwt", "client-authentication+jwt"})
"""RFC 8725 §3.11; the longer one comes with the revision of RFC 7523."""

_log = logging.getLogger(__name__)


class _Signatures(Signatures):
    """The signatures that are taken; libraries sign under the newer names already."""

    algorithms = {**Signatures.algorithms, "Ed25519": JWSRegistry.algorithms["Ed25519"]}  # noqa: RUF012 - joserfc declares it so

    def __init__(self) -> None:
        JWSRegistry.__init__(self, algorithms=(*ALGORITHMS, *OTHER_NAMES))


class AssertionRefused(Exception):
    """The assertion proves nothing. The text is ours, for the log."""


@dataclass(frozen=True)
class Assertions:
    """Verifies client assertions: one call of the ephemeral store for a right one, none for a wrong one."""

    issuer: str
    token_endpoint: str
    clients: ClientRegistry
    keys: ClientKeys
    store: EphemeralStore
    clock: Clock

    def client_of(self, assertion: str, client_id: str | None, address: str) -> Client:
        """Return the client that signed ``assertion`` for the endpoint at ``address``; it is spent then.

        ``client_id`` is whom the request names beside it, if anybody (RFC 7521 §4.2).

        Raises ``AssertionRefused``, ``KeysUnavailable``, or ``StorageUnavailable``: without the store nothing is good.
        """
        signed, claims = _read(assertion)
        client = self.clients.get(str(claims.get("sub")))
        if client is None or client.token_endpoint_auth_method != METHOD:
            raise AssertionRefused("of a client that signs none")
        try:
            if client_id not in {None, client.client_id}:
                raise AssertionRefused("client_id is another client")
            accepted = self._accepted(client, address)
            jti, ends_at = _checked(client, claims, accepted, self.clock.now())
            self._verify(client, signed)
            name = hashlib.sha256(f"{client.client_id}\0{jti}".encode("utf-8", "surrogatepass")).hexdigest()
            if not self.store.add(f"assertion:{name}", b"", ends_at):
                raise AssertionRefused("its jti came before")
        except AssertionRefused as refused:
            _log.info("client %s: assertion refused: %s", client.client_id, refused)
            raise
        return client

    def _accepted(self, client: Client, address: str) -> frozenset[str]:
        if client.client_assertion_audience == "issuer":
            return frozenset({self.issuer})
        return frozenset({self.issuer, self.token_endpoint, address})

    def _verify(self, client: Client, signed: CompactSignature) -> None:
        """Raise unless a key of the client made the signature, by an algorithm that its file allows."""
        name, kid = signed.protected["alg"], signed.protected.get("kid")
        alg = OTHER_NAMES.get(name, name)
        fixed = client.token_endpoint_auth_signing_alg
        if alg not in ((fixed,) if fixed else ALGORITHMS):
            raise AssertionRefused("by another algorithm")
        fitting = [
            one.key
            for one in self.keys.of(client, kid)
            if alg in one.algorithms and (kid is None or one.kid == kid)
        ]
        # Core §10.1: without a kid there is nothing to choose by.
        if len(fitting) != 1:
            raise AssertionRefused("by a key that is unknown or not named")
        try:
            right = jws.validate_compact(signed, fitting[0], registry=_Signatures())
        except (JoseError, ValueError):
            right = False
        if not right:
            raise AssertionRefused("the signature does not verify")


def _read(assertion: str) -> tuple[CompactSignature, Mapping[str, Any]]:
    """Return an assertion and its claims, nothing of it verified."""
    if len(assertion) > _MAX_ASSERTION:
        raise AssertionRefused("too long")
    try:
        signed = jws.extract_compact(assertion.encode("ascii"), registry=_Signatures())
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise AssertionRefused("no signed JWT") from error
    header: object = signed.protected
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise AssertionRefused("no signed JWT")
    if not header.keys() <= _HEADER or not all(isinstance(value, str) for value in header.values()):
        raise AssertionRefused("with a header that is not taken")
    if header.get("typ", "JWT").lower() not in _TYPES:
        raise AssertionRefused("a JWT of another kind")
    return signed, claims


def _checked(
    client: Client, claims: Mapping[str, Any], accepted: Collection[str], now: datetime
) -> tuple[str, datetime]:
    """Return ``jti`` and when the assertion ends, once its claims hold (RFC 7523 §3)."""
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        raise AssertionRefused("iss and sub are not the client")
    if not _is_audience(claims.get("aud"), accepted, only=client.client_assertion_audience == "issuer"):
        raise AssertionRefused("for another audience")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise AssertionRefused("without jti")
    earliest, latest = (now - LEEWAY).timestamp(), (now + LEEWAY).timestamp()
    ahead, back = MAX_AHEAD.total_seconds(), MAX_AHEAD.total_seconds()
    exp, issued, begins = (_moment(claims, name) for name in ("exp", "iat", "nbf"))
    if exp is None or not earliest < exp <= latest + ahead:
        raise AssertionRefused("without exp, over, or for too long")
    if issued is not None and not earliest - back <= issued <= latest:
        raise AssertionRefused("iat is too far from now")
    if begins is not None and not begins <= latest:
        raise AssertionRefused("nbf is not reached")
    return jti, datetime.fromtimestamp(exp, UTC) + LEEWAY


def _is_audience(found: object, accepted: Collection[str], *, only: bool) -> bool:
    """Say whether every audience is ours; with ``only`` there must be exactly one."""
    listed = found if isinstance(found, list) else [found]
    return (
        bool(listed)
        and (len(listed) == 1 or not only)
        and all(isinstance(one, str) and one in accepted for one in listed)
    )


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519 §2), ``None`` where there is none. Raises ``AssertionRefused``."""
    value = claims.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise AssertionRefused(f"{name} is no number")
    return value
