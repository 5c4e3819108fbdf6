"""One sign-in under way: what was asked, what was proved so far, bound to the browser that began it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from idp.clock import Clock
from idp.login.cookies import fingerprint, new_token
from idp.login.keypad import Keypad, shuffled
from idp.rules.assurance import Proof
from idp.storage.ephemeral import EphemeralStore


class Transaction(BaseModel):
    """A frozen value; each step stores the next one by compare-and-set."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(default="", exclude=True)
    raw: bytes = Field(default=b"", exclude=True, repr=False)
    browser: str
    """SHA-256 of the browser's binding."""
    destination: str
    request: dict[str, Any]
    expires_at: datetime
    identifier: str = ""
    activation_wanted: bool = False
    account_id: str | None = None
    delegation_id: str | None = None
    proofs: tuple[Proof, ...] = ()
    """What was proved in this transaction, with what it carried over from a session that it steps up."""
    holder: str | None = None
    """SHA-256 of the proof cookie, new at each rise: without it the proofs do not count."""
    enrolment: str | None = Field(default=None, repr=False)
    """The secret not yet confirmed, sealed."""
    keypad: Keypad = Field(default_factory=shuffled, repr=False)

    def forgetting_proofs(self) -> Transaction:
        """Return the transaction as it was before anybody proved anything."""
        blank: dict[str, Any] = {"account_id": None, "delegation_id": None, "proofs": (), "holder": None}
        return self.model_copy(update={**blank, "enrolment": None, "activation_wanted": False})


class TransactionStore:
    """Transactions in the ephemeral store, under the SHA-256 of their id, for a bounded time."""

    def __init__(self, store: EphemeralStore, clock: Clock, lifetime: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = lifetime

    def begin(self, browser: str, destination: str, request: dict[str, Any], identifier: str) -> Transaction:
        """Store a new transaction bound to ``browser`` (the raw binding)."""
        new = Transaction(
            id=new_token(),
            browser=fingerprint(browser),
            destination=destination,
            request=request,
            expires_at=self._clock.now() + self._lifetime,
            identifier=identifier,
        )
        self._store.put(_key(new.id), _dump(new), new.expires_at)
        return new

    def load(self, transaction_id: str) -> Transaction | None:
        """Return the live transaction, or ``None``."""
        raw = self._store.get(_key(transaction_id))
        if raw is None:
            return None
        return Transaction.model_validate_json(raw).model_copy(update={"id": transaction_id, "raw": raw})

    def save(self, before: Transaction, after: Transaction) -> bool:
        """Store ``after`` if nobody changed the transaction since ``before`` was loaded."""
        return self._store.replace(_key(before.id), before.raw, _dump(after), before.expires_at)

    def finish(self, transaction: Transaction) -> bool:
        """End the transaction: true for exactly one caller."""
        return self._store.take(_key(transaction.id)) is not None


def _dump(transaction: Transaction) -> bytes:
    return transaction.model_dump_json().encode()


def _key(transaction_id: str) -> str:
    return f"transaction:{fingerprint(transaction_id)}"
