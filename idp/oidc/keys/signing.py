"""The provider's signing keys: in the database, sealed; in memory, imported once; to the world, prebuilt bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import insert, select

from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import signing_key

SigningAlgorithm = Literal["RS256", "ES256"]
ALGORITHMS: tuple[SigningAlgorithm, ...] = ("RS256", "ES256")
_RSA_BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    """One key with the header that names it."""

    kid: str
    alg: SigningAlgorithm
    key: RSAKey | ECKey


@dataclass(frozen=True)
class SigningKeys:
    """The keys in use: the newest of each algorithm signs, all of them verify."""

    current: Mapping[str, SigningKey]
    verifying: KeySet
    jwks: bytes
    """The public set as it is sent (RFC 7517 §5)."""


def ensure_keys(database: Database, keyring: Keyring, now: datetime) -> None:
    """Make the first key of every algorithm that has none. Safe to run in several processes at once."""
    with database.read() as connection:
        missing = set(ALGORITHMS) - set(connection.execute(select(signing_key.c.alg)).scalars())
    made = [_made(alg) for alg in sorted(missing)]
    if not made:
        return
    with database.alter() as connection:
        present = set(connection.execute(select(signing_key.c.alg)).scalars())
        for one in made:
            if one.alg in present:
                continue
            private = json.dumps(one.key.as_dict(private=True)).encode()
            sealed = keyring.seal(private, bound_to=f"signing_key:{one.kid}")
            connection.execute(
                insert(signing_key).values(kid=one.kid, alg=one.alg, private_jwk=sealed, created_at=now)
            )


def load_keys(database: Database, keyring: Keyring) -> SigningKeys:
    """Return every stored key, imported. Importing an RSA key takes tens of milliseconds: do it once."""
    with database.read() as connection:
        rows = connection.execute(
            select(signing_key).order_by(signing_key.c.created_at, signing_key.c.kid)
        ).all()
    keys = []
    for row in rows:
        private = json.loads(keyring.open(row.private_jwk, bound_to=f"signing_key:{row.kid}"))
        kind = RSAKey if row.alg.startswith("RS") else ECKey
        keys.append(SigningKey(row.kid, row.alg, kind.import_key(private)))
    public = [
        {**one.key.as_dict(private=False), "kid": one.kid, "use": "sig", "alg": one.alg} for one in keys
    ]
    return SigningKeys(
        current={one.alg: one for one in keys},
        verifying=KeySet.import_key_set({"keys": public}),
        jwks=json.dumps({"keys": public}).encode(),
    )


def _made(alg: SigningAlgorithm) -> SigningKey:
    key = RSAKey.generate_key(_RSA_BITS) if alg == "RS256" else ECKey.generate_key("P-256")
    return SigningKey(key.thumbprint(), alg, key)
