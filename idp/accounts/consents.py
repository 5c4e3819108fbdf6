"""What somebody agreed that a service is told about an account, once and until they withdraw it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from idp.accounts import grants
from idp.accounts.locking import lock_account
from idp.accounts.party import Party
from idp.storage.schema import consent


@dataclass(frozen=True)
class Consent:
    """What one person agreed to for one service."""

    client_id: str
    words: frozenset[str]
    """Those of ``Disclosure.words``."""
    given_at: datetime
    """When they last agreed to more."""


def cover(connection: Connection, who: Party, client_id: str, words: Collection[str]) -> bool:
    """Say whether this person agreed to each of ``words`` (those of ``Disclosure.words``) for this service."""
    return set(words) <= _agreed(connection, who, client_id)


def give(connection: Connection, who: Party, client_id: str, words: Collection[str], now: datetime) -> None:
    """Store that this person agrees to ``words``, beside what they agreed to before.

    The account's row is locked first: of two agreements at once neither is lost.
    """
    lock_account(connection, who.account.id)
    together = sorted(_agreed(connection, who, client_id) | set(words))
    connection.execute(delete(consent).where(_of(who, client_id)))
    connection.execute(
        insert(consent).values(
            account_id=who.account.id,
            person_id=who.person_id,
            client_id=client_id,
            scope=" ".join(together),
            given_at=now,
        )
    )


def of_person(connection: Connection, who: Party) -> Sequence[Consent]:
    """Return what this person agreed to at this account, the latest first."""
    mine = (consent.c.account_id == who.account.id, consent.c.person_id == who.person_id)
    rows = connection.execute(
        select(consent).where(*mine).order_by(consent.c.given_at.desc(), consent.c.client_id)
    )
    return [Consent(row.client_id, frozenset(row.scope.split()), row.given_at) for row in rows]


def withdraw(connection: Connection, who: Party, client_id: str, now: datetime) -> frozenset[str] | None:
    """Forget what this person agreed to for this service, and end every grant of theirs that it has at this account.

    Return the words, or ``None`` where there were none: then nothing changed.
    """
    lock_account(connection, who.account.id)
    words = _agreed(connection, who, client_id)
    if connection.execute(delete(consent).where(_of(who, client_id))).rowcount != 1:
        return None
    grants.revoke_given(connection, who, client_id, now)
    return frozenset(words)


def _agreed(connection: Connection, who: Party, client_id: str) -> set[str]:
    found = connection.execute(select(consent.c.scope).where(_of(who, client_id)))
    return set((found.scalar_one_or_none() or "").split())


def _of(who: Party, client_id: str) -> ColumnElement[bool]:
    mine = (consent.c.account_id == who.account.id, consent.c.person_id == who.person_id)
    return and_(*mine, consent.c.client_id == client_id)
