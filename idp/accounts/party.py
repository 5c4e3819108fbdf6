"""An account and, where an assistant acts, its actor, as they stand now: the look taken before anybody is admitted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, bindparam, exists, select

from idp.rules.assurance import Proof
from idp.rules.delegation import Actor, Window
from idp.rules.next_step import Standing
from idp.storage.schema import account, delegation, ended_session, person

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
    not_before: datetime | None = None
    """What was proved before counts no longer: disabled, over or recovered in between."""
    own_password: bool = False
    """The actor has a password of their own."""
    mark: str = ""
    """The :func:`password_mark` of the practice's password."""
    own_mark: str | None = None
    """That of the actor's own."""

    @property
    def person_id(self) -> str:
        """Who is there: the holder, or the assistant who acts."""
        return self.actor.sub if self.actor else self.account.sub

    @property
    def key(self) -> str:
        """What is the same for the same person at the same account alone."""
        return f"{self.account.id}:{self.person_id}"

    def standing(self, proofs: tuple[Proof, ...], *, earlier: bool) -> Standing:
        """Return what the rules need to know of this party."""
        not_before = self.not_before.timestamp() if self.not_before else None
        return Standing(
            self.account.profile,
            self.account.activated,
            proofs,
            self.actor,
            earlier,
            not_before,
            self.own_password,
        )


def password_mark(phc: str) -> str:
    """Return what tells a stored password from those stored before and after it, without being good for a guess."""
    return hashlib.sha256(phc.encode()).hexdigest()[:16]


def party(connection: Connection, account_id: str, delegation_id: str | None, now: datetime) -> Party | None:
    """Return the account with its actor, or ``None`` when either may not enter now. One statement."""
    wanted = {"wanted_account": account_id, "wanted_delegation": delegation_id}
    row = connection.execute(_PARTY, wanted).one_or_none()
    return None if row is None else party_of(row, delegation_id, now)


def party_in_session(
    connection: Connection, account_id: str, delegation_id: str | None, sid: str, now: datetime
) -> Party | None:
    """Return the same, and ``None`` too once the single sign-on session ``sid`` has ended. One statement."""
    wanted = {"wanted_account": account_id, "wanted_delegation": delegation_id, "wanted_sid": sid}
    row = connection.execute(_PARTY_IN_SESSION, wanted).one_or_none()
    return None if row is None else party_of(row, delegation_id, now)


def party_query(joined: FromClause, picked: ColumnElement[bool]) -> Select[Any]:
    """Return the statement that reads an account of ``joined`` with its holder and the delegation that is ``picked``.

    Hot paths build it once: building costs more than running it.
    """
    return select(
        account.c.id.label("account_id"),
        account.c.identifier,
        account.c.profile,
        account.c.activated_at,
        account.c.disabled_at,
        account.c.not_before.label("account_not_before"),
        account.c.holder_not_before,
        account.c.password.label("account_password"),
        person.c.id.label("sub"),
        person.c.name,
        person.c.attributes,
        delegation.c.id.label("delegation_id"),
        delegation.c.valid_from,
        delegation.c.valid_until,
        delegation.c.removed_at,
        delegation.c.not_before.label("delegation_not_before"),
        delegation.c.password.label("own_password"),
        _assistant.c.id.label("actor_sub"),
        _assistant.c.name.label("actor_name"),
    ).select_from(
        joined.join(person, account.c.person_id == person.c.id)
        .outerjoin(delegation, (delegation.c.account_id == account.c.id) & picked)
        .outerjoin(_assistant, _assistant.c.id == delegation.c.person_id)
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
    since = [row.account_not_before, row.delegation_not_before if actor else row.holder_not_before]
    not_before = max((moment for moment in since if moment), default=None)
    own = row.own_password if actor else None
    return Party(
        holder,
        actor,
        not_before,
        own is not None,
        password_mark(row.account_password),
        password_mark(own) if own is not None else None,
    )


_PARTY = party_query(
    account, delegation.c.id == bindparam("wanted_delegation", type_=delegation.c.id.type)
).where(account.c.id == bindparam("wanted_account"))

_PARTY_IN_SESSION = _PARTY.where(~exists().where(ended_session.c.sid == bindparam("wanted_sid")))
