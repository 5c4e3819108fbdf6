"""A client's public keys (RFC 7517), each imported once and judged: strong enough, and for which signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

MAX_KEYS = 50
"""Of one set; what stands behind is not looked at."""

_RSA_BITS = range(2048, 4097)
"""RFC 7518 §3.3; longer ones cost the provider's time, not the client's."""

_KINDS: Mapping[str, tuple[type[RSAKey | ECKey | OKPKey], str | None, tuple[str, ...]]] = {
    "RSA": (RSAKey, None, ("RS256", "PS256")),
    "EC": (ECKey, "P-256", ("ES256",)),
    "OKP": (OKPKey, "Ed25519", ("EdDSA",)),
}
"""Kind of key to its class, its only curve, and its signatures."""

OTHER_NAMES = {"Ed25519": "EdDSA"}
"""RFC 9864 §2.2: the name of EdDSA with that curve."""

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True)
class PublicKey:
    """One key that verifies."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: RSAKey | ECKey | OKPKey


def public_key(jwk: object) -> PublicKey:
    """Return the key of one member of a JWK Set. Raises ``ValueError`` saying what is expected."""
    if not isinstance(jwk, Mapping) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("a public key, without private members")
    kty, kid = jwk.get("kty"), jwk.get("kid")
    if not isinstance(kty, str) or kty not in _KINDS:
        raise ValueError(f"kty: {', '.join(_KINDS)}")
    kind, curve, algorithms = _KINDS[kty]
    if kid is not None and (not isinstance(kid, str) or not kid):
        raise ValueError("kid: a text")
    if curve is not None and jwk.get("crv") != curve:
        raise ValueError(f"crv: {curve}")
    if jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
        raise ValueError("a key for signatures (use: sig)")
    alg = OTHER_NAMES.get(jwk["alg"], jwk["alg"]) if isinstance(jwk.get("alg"), str) else jwk.get("alg")
    if "alg" in jwk and alg not in algorithms:
        raise ValueError(f"alg: {' or '.join(algorithms)}, or none")
    members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
    if kty == "RSA" and _bits(members.get("n")) not in _RSA_BITS:
        raise ValueError(f"RSA with {_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits")
    try:
        key = kind.import_key(members)
    except (JoseError, ValueError, TypeError, KeyError):
        raise ValueError("the members that its kty needs (RFC 7518 §6)") from None
    return PublicKey(kid, algorithms if alg is None else (alg,), key)


def usable_keys(found: Sequence[object]) -> tuple[PublicKey, ...]:
    """Return the keys of a published set that verify what we take; others may stand there for other purposes."""
    keys = []
    for jwk in found[:MAX_KEYS]:
        try:
            keys.append(public_key(jwk))
        except ValueError:
            continue
    return tuple(keys)


def _bits(modulus: object) -> int:
    """Return its length, 0 of what is none; joserfc warns of short ones only."""
    try:
        return int.from_bytes(urlsafe_b64decode(str(modulus).encode("ascii"))).bit_length()
    except ValueError:
        return 0
