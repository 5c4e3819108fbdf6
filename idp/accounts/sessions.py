"""The durable register of single sign-on sessions: whose they are, from which device, and ending them by ``sid``.

What a browser proved lives in the ephemeral store; here stands only what its owner sees, and the end of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from idp.accounts import grants
from idp.storage.schema import delegation, person, signed_in_session


@dataclass(frozen=True)
class OpenSession:
    """One session that has not ended, as its owner sees it."""

    sid: str
    delegation_id: str | None
    assistant: str | None
    """The assistant's name; ``None``: the holder's own session."""
    device: str
    opened_at: datetime


@dataclass(frozen=True)
class Opened:
    """What is noted of a session when it opens; ``ends_at``: when it ends at the latest."""

    sid: str
    account_id: str
    delegation_id: str | None
    device: str
    opened_at: datetime
    ends_at: datetime


def opened(connection: Connection, new: Opened, *, goes_on: bool) -> None:
    """Note a session; with ``goes_on`` it is one noted before, whose proofs were renewed."""
    if goes_on:
        known = update(signed_in_session).where(signed_in_session.c.sid == new.sid)
        if connection.execute(known.values(ends_at=new.ends_at)).rowcount == 1:
            return
    connection.execute(insert(signed_in_session).values(**vars(new)))


def of_account(connection: Connection, account_id: str, now: datetime) -> Sequence[OpenSession]:
    """Return the account's sessions that may still be open, its assistants' too, the newest first."""
    rows = connection.execute(
        select(signed_in_session, person.c.name)
        .outerjoin(delegation, delegation.c.id == signed_in_session.c.delegation_id)
        .outerjoin(person, person.c.id == delegation.c.person_id)
        .where(signed_in_session.c.account_id == account_id, signed_in_session.c.ends_at > now)
        .order_by(signed_in_session.c.opened_at.desc(), signed_in_session.c.sid)
    ).all()
    return [OpenSession(row.sid, row.delegation_id, row.name, row.device, row.opened_at) for row in rows]


def end(connection: Connection, account_id: str, sid: str, now: datetime) -> bool:
    """End one session with every grant of it; false when it is not the account's, or has ended."""
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

    Returns how many. A sign-in that is under way meanwhile is not among them: where what was proved so far must not
    count either, set ``account.not_before``, ``account.holder_not_before`` or ``delegation.not_before`` too.
    """
    which = signed_in_session.c.account_id == account_id
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
