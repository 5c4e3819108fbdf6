"""One sign-in under way: what was asked, what was proved so far, bound to the browser that began it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from idp.accounts.failures import Counted
from idp.accounts.links import SignedInBy
from idp.accounts.one_time_codes import Ticket
from idp.clock import Clock
from idp.login.cookies import fingerprint, new_token
from idp.login.keypad import Keypad, shuffled
from idp.rules.assurance import Proof
from idp.rules.throttle import FORGIVEN_AT_ONCE
from idp.storage.ephemeral import EphemeralStore

_PROVED = (
    "activation_wanted",
    "account_id",
    "delegation_id",
    "by",
    "own_password",
    "password_mark",
    "to_choose",
    "proofs",
    "holder",
    "ticket",
    "fresh_codes",
    "agreed",
    "selected",
)
"""What goes when somebody else signs in."""

_COUNTED = TypeAdapter(Counted)


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
    by: SignedInBy | None = None
    """Where the assistant signed in, when that is not whom they chose."""
    own_password: bool = False
    """The password shown is an assistant's own, not the practice's."""
    password_mark: str | None = None
    """Which stored password was shown: once another is in force, what was proved counts no longer."""
    to_choose: bool = False
    """The assistant may act for several practitioners and has not said for whom this sign-in is."""
    proofs: tuple[Proof, ...] = ()
    """What was proved in this transaction, with what it carried over from a session that it steps up."""
    holder: str | None = None
    """SHA-256 of the proof cookie, new at each rise: without it the proofs do not count."""
    ticket: Ticket | None = Field(default=None, repr=False)
    """A code from paper that was shown and is not used up before a new phone is confirmed."""
    fresh_codes: bool = False
    """Recovery codes were made that nobody has seen yet."""
    agreed: str | None = None
    """Who agreed in this sign-in to what the destination is told (``Party.key``)."""
    selected: str | None = None
    """Who chose to go on as they are signed in (``Party.key``)."""
    keypad: Keypad = Field(default_factory=shuffled, repr=False)

    @property
    def knower(self) -> str | None:
        """The delegation whose own password was shown; ``None``: the practice's was, or none."""
        return self.delegation_id if self.own_password else None

    def forgetting_proofs(self) -> Transaction:
        """Return the transaction as it was before anybody proved anything."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in _PROVED})


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

    def note_failed(self, transaction: Transaction, account_id: str, counted: Counted) -> None:
        """Note a wrong code, apart from the transaction: a right one at the same moment must not stumble over it.

        ``FORGIVEN_AT_ONCE`` are noted at most.
        """
        for key in _failed_keys(transaction.id, account_id):
            if self._store.add(key, _COUNTED.dump_json(counted), transaction.expires_at):
                return

    def take_failed(self, transaction: Transaction, account_id: str) -> list[Counted]:
        """Return the wrong codes noted at the account in this transaction, each to one caller only."""
        taken: list[Counted] = []
        for key in _failed_keys(transaction.id, account_id):
            raw = self._store.take(key)
            if raw is None:
                break
            taken.append(_COUNTED.validate_json(raw))
        return taken

    def finish(self, transaction: Transaction) -> bool:
        """End the transaction: true for exactly one caller."""
        return self._store.take(_key(transaction.id)) is not None


def _dump(transaction: Transaction) -> bytes:
    return transaction.model_dump_json().encode()


def _failed_keys(transaction_id: str, account_id: str) -> list[str]:
    return [f"failed:{fingerprint(transaction_id + account_id)}:{place}" for place in range(FORGIVEN_AT_ONCE)]


def _key(transaction_id: str) -> str:
    return f"transaction:{fingerprint(transaction_id)}"
