"""What somebody agreed that a service is told about an account, once and for as long as the account is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from idp.accounts.locking import lock_account
from idp.accounts.party import Party
from idp.storage.schema import consent


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


def _agreed(connection: Connection, who: Party, client_id: str) -> set[str]:
    found = connection.execute(select(consent.c.scope).where(_of(who, client_id)))
    return set((found.scalar_one_or_none() or "").split())


def _of(who: Party, client_id: str) -> ColumnElement[bool]:
    mine = (consent.c.account_id == who.account.id, consent.c.person_id == who.person_id)
    return and_(*mine, consent.c.client_id == client_id)
