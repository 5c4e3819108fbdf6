"""One key that signs: made, sealed for the database, imported once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.clients.values import JwsAlgorithm
from idp.storage.keyring import Keyring

ALGORITHMS: tuple[JwsAlgorithm, ...] = get_args(JwsAlgorithm)
_RSA_BITS = 2048

PrivateKey = RSAKey | ECKey | OKPKey
_KINDS: Mapping[str, type[PrivateKey]] = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}


class Signatures(JWSRegistry):
    """The signatures that are made and taken, and no other.

    RFC 9864 renames EdDSA to Ed25519, of which joserfc warns at each use; OpenID Connect clients know the old name
    only.
    """

    algorithms = {alg: copy(JWSRegistry.algorithms[alg]) for alg in ALGORITHMS}  # noqa: RUF012 - joserfc declares it so
    algorithms["EdDSA"].security_warning = None

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS)


@dataclass(frozen=True)
class SigningKey:
    """One key with the header that names it."""

    kid: str
    """RFC 7638 thumbprint."""
    alg: JwsAlgorithm
    key: PrivateKey

    @property
    def public(self) -> dict[str, Any]:
        """What is published of it (RFC 7517 §4)."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": self.alg}


@dataclass(frozen=True)
class Published:
    """A key and its time: it verifies as long as it is published, and signs from ``since`` until the next one does."""

    signing: SigningKey
    since: datetime


@dataclass(frozen=True)
class SigningKeys:
    """Keys that are published; who signs later stands later."""

    published: Sequence[Published]
    verifying: KeySet
    jwks: bytes
    """The public set as it is sent (RFC 7517 §5)."""

    @classmethod
    def of(cls, keys: Sequence[Published]) -> SigningKeys:
        """Return the set with everything made that is asked for often."""
        public = [one.signing.public for one in keys]
        verifying = KeySet.import_key_set({"keys": public}) if public else KeySet([])
        return cls(keys, verifying, json.dumps({"keys": public}).encode())

    def signing(self, alg: str, now: datetime) -> SigningKey:
        """Return the key that signs by ``alg`` at ``now``. Raises ``LookupError`` when there is none."""
        mine = [one for one in self.published if one.signing.alg == alg]
        # A clock put back may find none that has begun.
        return ([one for one in mine if one.since <= now] or mine[:1])[-1].signing

    def __contains__(self, kid: str) -> bool:
        return any(one.signing.kid == kid for one in self.published)


def new_key(alg: JwsAlgorithm) -> SigningKey:
    """Return a fresh key; an RSA key takes tenths of a second."""
    key: PrivateKey
    if alg == "ES256":
        key = ECKey.generate_key("P-256")
    elif alg == "EdDSA":
        key = OKPKey.generate_key("Ed25519")
    else:
        key = RSAKey.generate_key(_RSA_BITS)
    return SigningKey(key.thumbprint(), alg, key)


def sealed(keyring: Keyring, key: SigningKey) -> str:
    """Return the private key as it is stored."""
    return keyring.seal(json.dumps(key.key.as_dict(private=True)).encode(), bound_to=bound_to(key.kid))


def imported(keyring: Keyring, kid: str, alg: JwsAlgorithm, stored: str) -> SigningKey:
    """Return a stored key; importing an RSA key takes tens of milliseconds. Raises ``SealBroken``."""
    private = json.loads(keyring.open(stored, bound_to=bound_to(kid)))
    return SigningKey(kid, alg, _KINDS[alg].import_key(private))


def bound_to(kid: str) -> str:
    """Return what a private key is sealed to."""
    return f"signing_key:{kid}"
