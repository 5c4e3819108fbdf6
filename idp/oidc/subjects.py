"""By which identifier a client knows a person: the public one, or one that no other sector shares (Core §8)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from idp.clients.model import Client
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import provider_secret

_NAME = "pairwise"
_BOUND_TO = f"provider_secret:{_NAME}"


@dataclass(frozen=True)
class Subjects:
    """Derives pairwise subjects by HMAC-SHA256 of sector and person: the same at every start, and one way only."""

    key: bytes

    def of(self, client: Client, sub: str) -> str:
        """Return how ``client`` knows the person ``sub``, the account's holder or an assistant alike."""
        if client.subject_type == "public":
            return sub
        message = json.dumps([client.sector, sub]).encode()
        return base64.urlsafe_b64encode(hmac.digest(self.key, message, "sha256")).rstrip(b"=").decode()

    def as_known_to(self, client: Client) -> Callable[[str], str]:
        """Return the same for one client."""
        return lambda sub: self.of(client, sub)


def ensure_subjects(database: Database, keyring: Keyring, now: datetime) -> None:
    """Make the secret of the pairwise subjects once for all. Safe to run in several processes at once."""
    with database.alter() as connection:
        known = select(provider_secret.c.name).where(provider_secret.c.name == _NAME)
        if connection.execute(known).one_or_none() is None:
            sealed = keyring.seal(secrets.token_bytes(32), bound_to=_BOUND_TO)
            connection.execute(insert(provider_secret).values(name=_NAME, sealed=sealed, created_at=now))


def load_subjects(database: Database, keyring: Keyring) -> Subjects:
    """Return what derives subjects. Raises ``NoResultFound`` before :func:`ensure_subjects`."""
    with database.read() as connection:
        sealed = connection.execute(
            select(provider_secret.c.sealed).where(provider_secret.c.name == _NAME)
        ).scalar_one()
    return Subjects(keyring.open(sealed, bound_to=_BOUND_TO))
