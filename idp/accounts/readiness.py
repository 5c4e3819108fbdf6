"""Who has activated the second factor: one look at every account, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from idp.storage.schema import account, journal_entry, person

PAGE = 1_000
"""Accounts of one page: a short statement however many there are."""

_CONTACTS = ("email", "phone_number")


@dataclass(frozen=True)
class Readiness:
    """How far one account is."""

    identifier: str
    name: str
    profile: str
    activated: bool
    seen: bool
    """Its holder signed in at least once while the journal is kept."""
    contact: bool
    """A mail address or telephone number is on file."""


def page(connection: Connection, after: str) -> Sequence[Readiness]:
    """Return the next accounts whose identifier follows ``after``, in that order; disabled ones are left out."""
    seen = exists().where(
        journal_entry.c.account_id == account.c.id, journal_entry.c.person_id == account.c.person_id
    )
    rows = connection.execute(
        select(
            account.c.identifier,
            person.c.name,
            account.c.profile,
            account.c.activated_at,
            person.c.attributes,
            seen.label("seen"),
        )
        .join(person, person.c.id == account.c.person_id)
        .where(account.c.identifier > after, account.c.disabled_at.is_(None))
        .order_by(account.c.identifier)
        .limit(PAGE)
    )
    return [
        Readiness(
            row.identifier,
            row.name,
            row.profile,
            row.activated_at is not None,
            bool(row.seen),
            _has_contact(row.attributes),
        )
        for row in rows
    ]


def _has_contact(attributes: Mapping[str, object]) -> bool:
    return any(attributes.get(name) for name in _CONTACTS)
