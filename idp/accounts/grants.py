"""Grants: a row spends the code, holds the refresh generation, and says whether tokens still count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, Update, bindparam, delete, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.accounts import logouts
from idp.accounts.locking import lock_account
from idp.accounts.party import Party, party_of, party_query
from idp.rules.assurance import Proof
from idp.storage.schema import account, delegation, ended_session, signed_in_session, token_grant


@dataclass(frozen=True)
class Grant:
    """What was granted to a client, and on which proofs."""

    id: str
    client_id: str
    account_id: str
    delegation_id: str | None
    sid: str
    scope: str
    proofs: tuple[Proof, ...]
    generation: int
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime | None = None
    """When the refresh token of the generation before was spent."""
    resource: Sequence[str] | None = None
    """Identifiers that tokens may be for (RFC 8707); ``None``: the provider's own resources."""
    claims: Mapping[str, Any] | None = None
    """Claims asked for one by one (Core §5.5), as ``rules.claims`` keeps them."""
    parent_id: str | None = None
    """The grant that it was exchanged for (RFC 8693): it ends with it."""


@dataclass(frozen=True)
class OwnedSession:
    """A single sign-on session, at whose account it is, and whether an assistant's."""

    sid: str
    account_id: str
    delegation_id: str | None


def take(connection: Connection, grant: Grant) -> bool:
    """Spend a code by inserting its grant; false when it was spent before: then nothing was written. Atomic."""
    values = {**vars(grant), "proofs": [[proof.method, proof.at] for proof in grant.proofs]}
    statement = _insert(connection, token_grant).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.returning(token_grant.c.id)).one_or_none() is not None


def rotate(connection: Connection, grant_id: str, generation: int, now: datetime) -> Grant | None:
    """Move the grant on from ``generation``; ``None`` unless it was the good one of a live grant. Atomic."""
    wanted = {"wanted_grant": grant_id, "good_generation": generation, "now": now}
    row = connection.execute(_ROTATE, wanted).one_or_none()
    return None if row is None else _grant(row)


def rotated_since(
    connection: Connection, grant_id: str, generation: int, since: datetime, now: datetime
) -> Grant | None:
    """Return the live grant if it moved on from ``generation`` since ``since``: the same answer may go again."""
    row = connection.execute(
        select(token_grant).where(
            token_grant.c.id == grant_id,
            token_grant.c.generation == generation + 1,
            token_grant.c.rotated_at >= since,
            token_grant.c.revoked_at.is_(None),
            token_grant.c.expires_at > now,
        )
    ).one_or_none()
    return None if row is None else _grant(row)


def hold_live_party(connection: Connection, grant_id: str, now: datetime) -> tuple[Grant, Party] | None:
    """Return what :func:`live_party` does, the grant and its account held: whoever revokes waits for this transaction.

    Two statements: as everywhere, the account comes first.
    """
    owner = select(account.c.id).join(token_grant, token_grant.c.account_id == account.c.id)
    shared = owner.with_for_update(read=True, key_share=True, of=account)
    connection.execute(shared.where(token_grant.c.id == grant_id))
    held = _LIVE_PARTY.with_for_update(read=True, of=token_grant)
    return _live(connection.execute(held, {"wanted_grant": grant_id}).one_or_none(), now)


def live_party(connection: Connection, grant_id: str, now: datetime) -> tuple[Grant, Party] | None:
    """Return the grant with its party, or ``None`` when either no longer counts. One statement."""
    return _live(connection.execute(_LIVE_PARTY, {"wanted_grant": grant_id}).one_or_none(), now)


def _live(row: Row[Any] | None, now: datetime) -> tuple[Grant, Party] | None:
    if row is None or row.grant_expires_at <= now:
        return None
    present = party_of(row, row.grant_delegation_id, now)
    return None if present is None else (_grant(row, "grant_"), present)


def revoke(connection: Connection, grant_id: str, now: datetime) -> bool:
    """Revoke a grant and what was exchanged for it; false when it did not exist or was revoked before.

    Whoever exchanges holds the row of the grant that is exchanged until the new one is committed: this waits there, and
    looks again for what came meanwhile.
    """
    any_revoked = False
    while connection.execute(_REVOKE_FAMILY, {"wanted_grant": grant_id, "now": now}).all():
        any_revoked = True
    return any_revoked


def revoke_given(connection: Connection, who: Party, client_id: str, now: datetime) -> None:
    """Revoke every grant that a client has of one person at an account, and what was exchanged for them.

    Call ``lock_account`` before: of a code that is being exchanged meanwhile this sees the grant, or the exchange sees
    what was withdrawn before this.
    """
    own = token_grant.c.delegation_id.is_(None)
    if who.actor is not None:
        at_account = delegation.c.account_id == who.account.id
        acting = select(delegation.c.id).where(at_account, delegation.c.person_id == who.person_id)
        own = token_grant.c.delegation_id.in_(acting)
    live = select(token_grant.c.id).where(
        token_grant.c.account_id == who.account.id,
        token_grant.c.client_id == client_id,
        token_grant.c.revoked_at.is_(None),
        own,
    )
    for grant_id in (
        connection.execute(live.order_by(token_grant.c.created_at, token_grant.c.id)).scalars().all()
    ):
        revoke(connection, grant_id, now)


def owner_of(connection: Connection, grant_id: str) -> tuple[str, str | None]:
    """Return the account of a grant, and the person who acted if one did. Raises ``NoResultFound`` without a grant."""
    acted = delegation.c.id == token_grant.c.delegation_id
    found = select(token_grant.c.account_id, delegation.c.person_id).select_from(
        token_grant.outerjoin(delegation, acted)
    )
    row = connection.execute(found.where(token_grant.c.id == grant_id)).one()
    return row.account_id, row.person_id


def revoke_session(connection: Connection, sid: str, account_id: str, now: datetime) -> None:
    """End a single sign-on session for good: every grant of it is revoked, its codes still out give nothing, and the
    services that it reached are told.

    The account's row is locked first. A code exchange shares that lock from the insert of its grant on, by the foreign
    key, and looks for the end after it: one of the two sees the other.
    """
    lock_account(connection, account_id)
    connection.execute(
        _insert(connection, ended_session).values(sid=sid, ended_at=now).on_conflict_do_nothing()
    )
    connection.execute(delete(signed_in_session).where(signed_in_session.c.sid == sid))
    _revoke(connection, token_grant.c.sid == sid, now)
    logouts.queue(connection, sid, account_id, now)


def owner_of_session(connection: Connection, sid: str) -> OwnedSession | None:
    """Return whose a session is that stands in the register, or of which a grant is not revoked; else ``None``."""
    of_grants = token_grant.c.revoked_at.is_(None)
    for table, stands in ((signed_in_session, true()), (token_grant, of_grants)):
        found = select(table.c.sid, table.c.account_id, table.c.delegation_id).where(
            table.c.sid == sid, stands
        )
        if (row := connection.execute(found.limit(1)).one_or_none()) is not None:
            return OwnedSession(*row)
    return None


def revoke_delegation(connection: Connection, delegation_id: str, now: datetime) -> None:
    """End every session of an assistant for good, and those at other practices that stand on a sign-in here.

    Call ``lock_practice`` before.
    """
    theirs = signed_in_session.c.delegation_id == delegation_id
    _end_sessions(connection, theirs | (signed_in_session.c.via_delegation_id == delegation_id), now)
    _revoke(connection, token_grant.c.delegation_id == delegation_id, now)


def revoke_account(connection: Connection, account_id: str, now: datetime) -> None:
    """End every session of an account for good, its assistants' too, and what they signed in to from here.

    Call ``lock_practice`` before.
    """
    end_signed_in_from(connection, account_id, now)
    _end_sessions(connection, signed_in_session.c.account_id == account_id, now)
    _revoke(connection, token_grant.c.account_id == account_id, now)


def end_signed_in_from(
    connection: Connection, account_id: str, now: datetime, *, of: str | None = None
) -> None:
    """End the sessions at other practices of all who signed in at this one, or of the delegation ``of`` alone.

    Call ``lock_practice`` before.
    """
    here = select(delegation.c.id).where(delegation.c.account_id == account_id)
    via = signed_in_session.c.via_delegation_id
    _end_sessions(connection, via.in_(here) if of is None else via == of, now)


def _end_sessions(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    found = select(signed_in_session.c.sid, signed_in_session.c.account_id).where(which)
    for row in connection.execute(found).all():
        revoke_session(connection, row.sid, row.account_id, now)


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _revoke(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    connection.execute(_revoked(which).values(revoked_at=now))


def _revoked(which: ColumnElement[bool]) -> Update:
    """Return the change of the live ones among ``which``. It takes the oldest first: no two of these wait in a ring."""
    live = select(token_grant.c.id).where(which, token_grant.c.revoked_at.is_(None))
    ordered = live.order_by(token_grant.c.created_at, token_grant.c.id).with_for_update()
    return update(token_grant).where(token_grant.c.id.in_(ordered))


def _grant(row: Row[Any], prefix: str = "") -> Grant:
    values = {name: getattr(row, prefix + name) for name in Grant.__dataclass_fields__}
    return Grant(**{**values, "proofs": proofs_of(values["proofs"])})


def proofs_of(stored: Sequence[Sequence[Any]]) -> tuple[Proof, ...]:
    """Return proofs from their stored form ``[[method, seconds], …]``."""
    return tuple(Proof(method, at) for method, at in stored)


_LIVE = (token_grant.c.id == bindparam("wanted_grant"), token_grant.c.revoked_at.is_(None))

_ROTATE = (
    update(token_grant)
    .where(
        *_LIVE,
        token_grant.c.generation == bindparam("good_generation"),
        token_grant.c.expires_at > bindparam("now"),
    )
    .values(generation=token_grant.c.generation + 1, rotated_at=bindparam("now"))
    .returning(token_grant)
    .execution_options(changes_nobody=True)
)

_LIVE_PARTY = (
    party_query(
        account.join(token_grant, token_grant.c.account_id == account.c.id),
        delegation.c.id == token_grant.c.delegation_id,
    )
    .add_columns(*[column.label(f"grant_{column.name}") for column in token_grant.c])
    .where(*_LIVE)
)

_wanted = select(token_grant.c.id).where(token_grant.c.id == bindparam("wanted_grant"))
_family = _wanted.cte("family", recursive=True)
_child = token_grant.alias("child")
_family = _family.union(select(_child.c.id).where(_child.c.parent_id == _family.c.id))

# By its answer it tells how many: SQLite's driver counts no rows of a statement that begins by WITH.
_REVOKE_FAMILY = (
    _revoked(token_grant.c.id.in_(select(_family.c.id)))
    .values(revoked_at=bindparam("now"))
    .returning(token_grant.c.id)
)
