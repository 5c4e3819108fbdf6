"""A key's life: published, then signing, then verifying what it signed, then gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Row, column, func, insert, select, update

from idp.audit.events import Event, record
from idp.clients.values import JwsAlgorithm
from idp.oidc.keys.signing import ALGORITHMS, SigningKey, new_key, sealed
from idp.oidc.keys.store import CACHED, STALE
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import signing_key

SHORTEST_LEAD = CACHED + STALE
"""From then on nobody has a public set any more in which a key published now is missing."""

State = Literal["waits", "signs", "verifies", "retired"]


class NotRetired(Exception):
    """The key is still needed. ``str()`` says what for."""


@dataclass(frozen=True)
class KeyLine:
    """What an operator needs to know of a key."""

    kid: str
    alg: str
    state: State
    created_at: datetime
    since: datetime
    """When it began to sign, or will."""
    needed_until: datetime | None
    """Tokens that it signed live until then at most; ``None`` while it waits or signs, or once it is retired."""
    retired_at: datetime | None


def ensure_keys(database: Database, keyring: Keyring, now: datetime) -> None:
    """Make the first key of every algorithm that has none. Safe to run in several processes at once."""
    with database.read() as connection:
        missing = _without_key(connection)
    made = [new_key(alg) for alg in missing]
    if not made:
        return
    with database.alter() as connection:
        still = _without_key(connection)
        for key in made:
            if key.alg in still:
                _publish(connection, keyring, key, now, now, None)


def rotate_keys(
    connection: Connection,
    keyring: Keyring,
    keys: Collection[SigningKey],
    activates_at: datetime,
    reason: str | None,
    now: datetime,
) -> list[KeyLine]:
    """Publish keys that sign from ``activates_at``, in the place of those that do now.

    A key that would take over from one of them is retired: it is the older one, and may be known to whoever a rotation
    at once is to stop. Return what these were.
    """
    algs = {key.alg for key in keys}
    known = key_lines(connection, timedelta(0), now)
    overtaken = [
        one for one in known if one.alg in algs and one.state != "retired" and one.since > activates_at
    ]
    for line in overtaken:
        retire_key(connection, line, now, forced=True, reason=reason)
    for key in keys:
        _publish(connection, keyring, key, activates_at, now, reason)
    return overtaken


def retirable(
    connection: Connection, kid: str, lifetime: timedelta, now: datetime, *, forced: bool
) -> KeyLine:
    """Return the key that may be taken back; ``lifetime`` is that of access tokens.

    ``forced`` gives up tokens that may still live, never the key that signs. Raises ``LookupError`` for a key that is
    not published, ``NotRetired`` for one that is still needed.
    """
    line = next((one for one in key_lines(connection, lifetime, now) if one.kid == kid), None)
    if line is None or line.state == "retired":
        raise LookupError(kid)
    if line.state == "signs":
        raise NotRetired(f"it signs; `idp keys rotate --alg {line.alg}` publishes the one after it")
    if line.state == "waits" and line.since <= now + STALE and not forced:
        raise NotRetired("it is about to sign, and some process would not learn of its end in time")
    if line.needed_until is not None and line.needed_until > now and not forced:
        raise NotRetired(f"tokens that it signed may live until {line.needed_until.isoformat()}")
    return line


def retire_key(
    connection: Connection, line: KeyLine, now: datetime, *, forced: bool, reason: str | None
) -> None:
    """Take a key back: neither published nor believed any more, its private half destroyed. Once, of many callers."""
    published = update(signing_key).where(signing_key.c.kid == line.kid, signing_key.c.retired_at.is_(None))
    if connection.execute(published.values(retired_at=now, private_jwk="")).rowcount == 1:
        _audit(connection, Event.KEY_RETIRED, now, reason, kid=line.kid, alg=line.alg, forced=forced)


def key_lines(connection: Connection, lifetime: timedelta, now: datetime) -> list[KeyLine]:
    """Return every key that there ever was, by algorithm, who signs later below; ``lifetime`` as in ``retirable``."""
    stored = select(
        signing_key.c.kid,
        signing_key.c.alg,
        signing_key.c.created_at,
        func.coalesce(signing_key.c.activates_at, signing_key.c.created_at).label("since"),
        signing_key.c.retired_at,
    )
    rows = connection.execute(stored.order_by(column("since"), signing_key.c.kid)).all()
    by_alg = {alg: [row for row in rows if row.alg == alg] for alg in ALGORITHMS}
    return [_line(row, mine, lifetime, now) for mine in by_alg.values() for row in mine]


_Row: TypeAlias = Row[*tuple[Any, ...]]


def _line(row: _Row, mine: Sequence[_Row], lifetime: timedelta, now: datetime) -> KeyLine:
    """Return what to know of ``row``; ``mine`` are all of its algorithm."""
    published = [one for one in mine if one.retired_at is None]
    signs = ([one for one in published if one.since <= now] or published[:1])[-1:]
    later = [one.since for one in mine[mine.index(row) + 1 :] if one.since <= min(now, one.retired_at or now)]
    state: State = "verifies"
    if row.retired_at is not None:
        state = "retired"
    elif row in signs:
        state = "signs"
    elif row.since > now:
        state = "waits"
    # Some process may go on signing with it until it looks again.
    needed = later[0] + STALE + lifetime if state == "verifies" else None
    return KeyLine(row.kid, row.alg, state, row.created_at, row.since, needed, row.retired_at)


def _without_key(connection: Connection) -> list[JwsAlgorithm]:
    """Return the algorithms by which nothing signs."""
    published = select(signing_key.c.alg).where(signing_key.c.retired_at.is_(None))
    present = set(connection.execute(published).scalars())
    return [alg for alg in ALGORITHMS if alg not in present]


def _publish(
    connection: Connection,
    keyring: Keyring,
    key: SigningKey,
    activates_at: datetime,
    now: datetime,
    reason: str | None,
) -> None:
    row = {"kid": key.kid, "alg": key.alg, "private_jwk": sealed(keyring, key), "created_at": now}
    connection.execute(insert(signing_key).values(**row, activates_at=activates_at))
    begins = activates_at.isoformat()
    _audit(connection, Event.KEY_PUBLISHED, now, reason, kid=key.kid, alg=key.alg, activates_at=begins)


def _audit(
    connection: Connection, event: Event, now: datetime, reason: str | None, **detail: str | bool
) -> None:
    record(connection, event, now, detail={**detail, **({"reason": reason} if reason else {})})
