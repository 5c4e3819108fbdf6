"""An account and, where an assistant acts, its actor, as they stand now: the look taken before anybody is admitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from idp.rules.assurance import Proof
from idp.rules.delegation import Actor, Window
from idp.rules.next_step import Standing
from idp.storage.schema import account, delegation, person

_assistant = person.alias("assistant")


@dataclass(frozen=True)
class Account:
    """A usable account and its holder."""

    id: str
    sub: str
    name: str
    identifier: str
    profile: str
    activated: bool
    attributes: Mapping[str, object]


@dataclass(frozen=True)
class Party:
    """Who is there: the account, and who acts for its holder."""

    account: Account
    actor: Actor | None

    def standing(self, proofs: tuple[Proof, ...], *, earlier: bool) -> Standing:
        """Return what the rules need to know of this party."""
        return Standing(self.account.profile, self.account.activated, proofs, self.actor, earlier)


def party(connection: Connection, account_id: str, delegation_id: str | None, now: datetime) -> Party | None:
    """Return the account with its actor, or ``None`` when either may not enter now. One statement."""
    query = party_query().where(account.c.id == account_id)
    row = connection.execute(_with_actor(query, delegation_id)).one_or_none()
    return None if row is None else party_of(row, delegation_id, now)


def party_query() -> Select[Any]:
    """Return the statement that reads an account and its holder, to be joined further by a hot path."""
    return select(
        account.c.id.label("account_id"),
        account.c.identifier,
        account.c.profile,
        account.c.activated_at,
        account.c.disabled_at,
        person.c.id.label("sub"),
        person.c.name,
        person.c.attributes,
    ).join_from(account, person, account.c.person_id == person.c.id)


def _with_actor(query: Select[Any], delegation_id: str | None) -> Select[Any]:
    if delegation_id is None:
        return query
    return with_delegation(query, delegation.c.id == delegation_id)


def with_delegation(query: Select[Any], condition: Any) -> Select[Any]:
    """Return ``query`` with the delegation that ``condition`` picks and its assistant, where there is one."""
    return (
        query.outerjoin(delegation, (delegation.c.account_id == account.c.id) & condition)
        .outerjoin(_assistant, _assistant.c.id == delegation.c.person_id)
        .add_columns(
            delegation.c.id.label("delegation_id"),
            delegation.c.valid_from,
            delegation.c.valid_until,
            delegation.c.removed_at,
            _assistant.c.id.label("actor_sub"),
            _assistant.c.name.label("actor_name"),
        )
    )


def party_of(row: Row[Any], delegation_id: str | None, now: datetime) -> Party | None:
    """Return the party that a row of :func:`party_query` holds, or ``None`` when it may not enter now."""
    if row.disabled_at is not None:
        return None
    actor = None
    if delegation_id is not None:
        if row.delegation_id is None or row.removed_at is not None:
            return None
        actor = Actor(
            row.actor_sub, row.actor_name, row.delegation_id, Window(row.valid_from, row.valid_until)
        )
        if not actor.window.holds(now):
            return None
    holder = Account(
        row.account_id,
        row.sub,
        row.name,
        row.identifier,
        row.profile,
        row.activated_at is not None,
        row.attributes,
    )
    return Party(holder, actor)
