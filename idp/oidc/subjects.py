"""By which names a client knows people and sessions: the public ones, or some that no other sector shares (Core §8)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import insert, select

from idp.clients.model import Client
from idp.oidc.sealed_names import SealedNames
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import provider_secret

_NAME = "pairwise"


@dataclass(frozen=True)
class Subjects:
    """Derives pairwise names from one secret, the same at every start.

    People by HMAC-SHA256 of sector and person, one way only; sessions so that we can read them in a hint (`sid`).
    """

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

    def sid_of(self, client: Client, sid: str) -> str:
        """Return how ``client`` knows the session ``sid``: as all of its sector do."""
        if client.subject_type == "public":
            return sid
        return self._sessions.sealed(sid.encode(), among=client.sector)

    def session_of(self, client: Client, told: str) -> str | None:
        """Return the session that ``client`` knows as ``told``, ``None`` for what no pairwise one was ever told."""
        if client.subject_type == "public":
            return told
        sid = self._sessions.opened(told, among=client.sector)
        return None if sid is None else sid.decode()

    @cached_property
    def _sessions(self) -> SealedNames:
        return SealedNames(self.key, "session")

    @cached_property
    def grants(self) -> SealedNames:
        """What seals a grant's id into tokens: two tokens of one grant show nothing in common."""
        return SealedNames(self.key, "grant")


def ensure_subjects(database: Database, keyring: Keyring, now: datetime) -> None:
    """Make the secret of the pairwise subjects once for all. Safe to run in several processes at once."""
    with database.alter() as connection:
        known = select(provider_secret.c.name).where(provider_secret.c.name == _NAME)
        if connection.execute(known).one_or_none() is None:
            sealed = keyring.seal(secrets.token_bytes(32), bound_to=bound_to(_NAME))
            connection.execute(insert(provider_secret).values(name=_NAME, sealed=sealed, created_at=now))


def load_subjects(database: Database, keyring: Keyring) -> Subjects:
    """Return what derives subjects. Raises ``NoResultFound`` before :func:`ensure_subjects`."""
    with database.read() as connection:
        sealed = connection.execute(
            select(provider_secret.c.sealed).where(provider_secret.c.name == _NAME)
        ).scalar_one()
    return Subjects(keyring.open(sealed, bound_to=bound_to(_NAME)))


def bound_to(name: str) -> str:
    """Return what a secret of the provider is sealed to."""
    return f"provider_secret:{name}"
