"""The durable register of single sign-on sessions: whose they are, from which device, and ending them by ``sid``.

What a browser proved lives in the ephemeral store; here stands only what its owner sees, and the end of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update

from idp.accounts import grants
from idp.accounts.locking import lock_account, lock_practice
from idp.storage.schema import delegation, person, signed_in_session, token_grant


@dataclass(frozen=True)
class OpenSession:
    """One session that may still be open, as its owner sees it."""

    sid: str
    delegation_id: str | None
    assistant: str | None
    """The assistant's name; ``None``: the holder's own session."""
    device: str
    opened_at: datetime
    ends_at: datetime
    """When nothing of it is left at the latest, a service's refresh tokens included; unused it ends sooner."""


@dataclass(frozen=True)
class Opened:
    """What is noted of a session when it opens; ``ends_at``: when it ends at the latest."""

    sid: str
    account_id: str
    delegation_id: str | None
    device: str
    opened_at: datetime
    ends_at: datetime
    via_delegation_id: str | None = None
    """By which other delegation the assistant signed in, where they chose this one then."""


def opened(connection: Connection, new: Opened, *, goes_on: bool) -> None:
    """Note a session; with ``goes_on`` it is one noted before, whose proofs were renewed."""
    if goes_on:
        known = update(signed_in_session).where(signed_in_session.c.sid == new.sid)
        if connection.execute(known.values(ends_at=new.ends_at)).rowcount == 1:
            return
    connection.execute(insert(signed_in_session).values(**vars(new)))


def of_account(connection: Connection, account_id: str, now: datetime) -> Sequence[OpenSession]:
    """Return the account's sessions that may still be open, its assistants' too, the newest first.

    One that is over at the browser is among them while a service can still refresh its tokens. One of an assistant
    whose time is over is not: nothing of it counts.
    """
    granted = (
        select(token_grant.c.sid, func.max(token_grant.c.expires_at).label("until"))
        .where(token_grant.c.account_id == account_id, _is_live(now))
        .group_by(token_grant.c.sid)
        .subquery()
    )
    acts = delegation.c.removed_at.is_(None) & (
        delegation.c.valid_until.is_(None) | (delegation.c.valid_until > now)
    )
    rows = connection.execute(
        select(signed_in_session, person.c.name, granted.c.until)
        .outerjoin(granted, granted.c.sid == signed_in_session.c.sid)
        .outerjoin(delegation, delegation.c.id == signed_in_session.c.delegation_id)
        .outerjoin(person, person.c.id == delegation.c.person_id)
        .where(
            signed_in_session.c.account_id == account_id,
            (signed_in_session.c.ends_at > now) | granted.c.until.is_not(None),
            signed_in_session.c.delegation_id.is_(None) | acts,
        )
        .order_by(signed_in_session.c.opened_at.desc(), signed_in_session.c.sid)
    ).all()
    return [
        OpenSession(
            row.sid,
            row.delegation_id,
            row.name,
            row.device,
            row.opened_at,
            max(row.ends_at, row.until or row.ends_at),
        )
        for row in rows
    ]


def end(connection: Connection, account_id: str, sid: str, now: datetime) -> bool:
    """End one session with every grant of it; false when it is not the account's, or has ended."""
    # First of all, as whoever else ends something here: each would else hold what the other waits for.
    lock_account(connection, account_id)
    mine = (signed_in_session.c.sid == sid) & (signed_in_session.c.account_id == account_id)
    if connection.execute(delete(signed_in_session).where(mine)).rowcount != 1:
        return False
    grants.revoke_session(connection, sid, account_id, now)
    return True


def end_all(
    connection: Connection,
    account_id: str,
    now: datetime,
    *,
    of: str | Literal["everybody", "holder"],
    but: str | None = None,
) -> int:
    """End the sessions of everybody at the account, of its holder, or of the delegation ``of``; ``but`` goes on.

    Sessions at other practices that stand on an assistant's sign-in at this one end too, uncounted. Returns how many.
    But for the holder, call it with no account held, or with what ``lock_practice`` holds. A sign-in that is under way
    meanwhile is not among them: where what was proved so far must not count either, set ``account.not_before``,
    ``account.holder_not_before`` or ``delegation.not_before`` too.
    """
    which = signed_in_session.c.account_id == account_id
    if of != "holder":
        lock_practice(connection, account_id)
        one = None if of == "everybody" else of
        grants.end_signed_in_from(connection, account_id, now, of=one)
    if of == "holder":
        which &= signed_in_session.c.delegation_id.is_(None)
    elif of != "everybody":
        which &= signed_in_session.c.delegation_id == of
    if but is not None:
        which &= signed_in_session.c.sid != but
    found = connection.execute(select(signed_in_session.c.sid).where(which)).scalars().all()
    for sid in found:
        grants.revoke_session(connection, sid, account_id, now)
    return len(found)


def of_those_over(connection: Connection, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
    """Return at most ``limit`` delegations, each with its account, whose time is over while sessions of theirs stand
    here."""
    standing = exists().where(signed_in_session.c.delegation_id == delegation.c.id)
    over = select(delegation.c.id, delegation.c.account_id).where(delegation.c.valid_until <= now, standing)
    return [(row.id, row.account_id) for row in connection.execute(over.limit(limit))]


def end_over(connection: Connection, account_id: str, delegation_id: str, now: datetime) -> int:
    """End the sessions of a delegation whose time is over; none when it was given more time meanwhile."""
    lock_account(connection, account_id)
    theirs = select(signed_in_session.c.sid).join(
        delegation, delegation.c.id == signed_in_session.c.delegation_id
    )
    over = (delegation.c.id == delegation_id) & (delegation.c.valid_until <= now)
    found = connection.execute(theirs.where(over)).scalars().all()
    for sid in found:
        grants.revoke_session(connection, sid, account_id, now)
    return len(found)


def nothing_left(now: datetime) -> ColumnElement[bool]:
    """Return what is true of a row that may be forgotten: over at the browser, and no grant of it lives."""
    granted = exists().where(token_grant.c.sid == signed_in_session.c.sid, _is_live(now))
    return (signed_in_session.c.ends_at <= now) & ~granted


def _is_live(now: datetime) -> ColumnElement[bool]:
    return token_grant.c.revoked_at.is_(None) & (token_grant.c.expires_at > now)
