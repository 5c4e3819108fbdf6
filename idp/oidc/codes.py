"""Authorization codes: contents in the ephemeral store under the code's SHA-256; the code itself is never stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from idp.clock import Clock
from idp.rules.assurance import Proof
from idp.storage.ephemeral import EphemeralStore


class CodeContents(BaseModel):
    """What a code stands for."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    account_id: str
    delegation_id: str | None
    sid: str
    proofs: tuple[Proof, ...]
    resource: tuple[str, ...] = ()
    claims: dict[str, Any] | None = None
    """Claims asked for one by one (Core §5.5), as ``rules.claims`` keeps them."""
    agreed: frozenset[str] | None = None
    """What its person agreed to for it (``Disclosure.words``), once any of that is withdrawn the code gives nothing;
    ``None``: they were not asked."""


class CodeStore:
    """Issues codes of 256 bits and reads what they stand for. Reading does not spend: the grant's row does."""

    def __init__(self, store: EphemeralStore, clock: Clock, lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self.lifetime = lifetime

    def issue(self, contents: CodeContents) -> str:
        """Store ``contents`` under a new code and return it."""
        code = secrets.token_urlsafe(32)
        self._store.put(_key(code), contents.model_dump_json().encode(), self._clock.now() + self.lifetime)
        return code

    def read(self, code: str) -> CodeContents | None:
        """Return what a live code stands for. One round trip."""
        stored = self._store.get(_key(code))
        return None if stored is None else CodeContents.model_validate_json(stored)


def grant_id_of(client_id: str, code: str) -> str:
    """Return the key of the grant that this client gets for this code: one client cannot spend another's."""
    return hashlib.sha256(f"{client_id}\0{code}".encode("utf-8", "surrogatepass")).hexdigest()


def _key(code: str) -> str:
    return f"code:{hashlib.sha256(code.encode('utf-8', 'surrogatepass')).hexdigest()}"
