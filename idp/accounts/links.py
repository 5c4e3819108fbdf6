"""One assistant of several practitioners: one person, a delegation for each, and whose sign-in does for whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from idp.accounts.delegations import in_force
from idp.accounts.party import party
from idp.rules.assurance import Proof, auth_time_of
from idp.rules.delegation import reached_from
from idp.storage.schema import account, delegation, person


@dataclass(frozen=True)
class Place:
    """One practitioner for whom a person may act."""

    delegation_id: str
    account_id: str
    practitioner: str


@dataclass(frozen=True)
class Known:
    """An assistant at the practice that knows them."""

    delegation_id: str
    person_id: str
    name: str


@dataclass(frozen=True)
class SignedInBy:
    """At which other practice an assistant showed what their sign-in stands on, before they chose for whom it is."""

    account_id: str
    delegation_id: str
    password_mark: str | None
    """Which stored password was shown there."""


def still_counts(connection: Connection, by: SignedInBy, proofs: tuple[Proof, ...], now: datetime) -> bool:
    """Say whether what was shown at the other practice would still let its assistant in there."""
    there = party(connection, by.account_id, by.delegation_id, now)
    if there is None or by.password_mark not in (None, there.mark, there.own_mark):
        return False
    return there.not_before is None or auth_time_of(proofs) >= there.not_before.timestamp()


def known(connection: Connection, delegation_id: str, now: datetime) -> Known | None:
    """Return the assistant of a delegation that lets them act at ``now``, at an account that is not disabled."""
    row = connection.execute(
        select(person.c.id, person.c.name)
        .join(delegation, delegation.c.person_id == person.c.id)
        .join(account, account.c.id == delegation.c.account_id)
        .where(delegation.c.id == delegation_id, in_force(now), account.c.disabled_at.is_(None))
    ).one_or_none()
    return None if row is None else Known(delegation_id, row.id, row.name)


def reached(
    connection: Connection, delegation_id: str, now: datetime, *, own_passwords: bool
) -> Sequence[Place]:
    """Return for whom else the assistant may act who signed in by ``delegation_id``, by name.

    With ``own_passwords`` only where they have chosen a password of their own: until then that practitioner knows what
    they sign in with, and the first sign-in there is what changes it. One statement.
    """
    mine = select(delegation.c.person_id).where(delegation.c.id == delegation_id).scalar_subquery()
    rows = connection.execute(
        select(delegation.c.id, delegation.c.account_id, delegation.c.linked_from, delegation.c.password)
        .add_columns(person.c.name)
        .join(account, account.c.id == delegation.c.account_id)
        .join(person, person.c.id == account.c.person_id)
        .where(delegation.c.person_id == mine, in_force(now), account.c.disabled_at.is_(None))
        .order_by(person.c.name, delegation.c.id)
    ).all()
    found = reached_from(delegation_id, {row.id: row.linked_from for row in rows})
    return [
        Place(row.id, row.account_id, row.name)
        for row in rows
        if row.id in found and not (own_passwords and row.password is None)
    ]
