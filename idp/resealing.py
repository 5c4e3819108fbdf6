"""What older keys of the keyring sealed is sealed again under the active one, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, func, not_, or_, select, update

from idp.accounts import authenticators, one_time_codes
from idp.accounts.one_time_codes import ACTIVATION, RECOVERY
from idp.notices import outbox, requests
from idp.oidc import subjects
from idp.oidc.keys import signing
from idp.storage.database import Database
from idp.storage.errors import SealBroken
from idp.storage.keyring import Keyring
from idp.storage.schema import (
    activation_code,
    authenticator,
    notice,
    provider_secret,
    recovery_code,
    recovery_request,
    signing_key,
)

PIECE: Final = 500
"""Rows of one transaction."""

Sealing = Callable[..., str]
"""Gives what a text is bound to."""


@dataclass(frozen=True)
class SealedColumn:
    """Where sealed text is kept for longer than a sign-in lasts, and what it is bound to."""

    column: Column[Any]
    bound_to: Sealing
    bound_by: tuple[Column[Any], ...]
    """The columns that ``bound_to`` is given."""

    @property
    def table(self) -> Table:
        """Its table."""
        return self.column.table

    @property
    def key(self) -> Column[Any]:
        """The primary key of its table."""
        return next(iter(self.table.primary_key))

    def sealed_by(self, *kids: str) -> ColumnElement[bool]:
        """Return the rows that one of these keys sealed."""
        marks = map(Keyring.mark, kids)
        return or_(False, *(func.substr(self.column, 1, len(mark)) == mark for mark in marks))

    def sealed_by_other(self, *kids: str) -> ColumnElement[bool]:
        """Return the rows that none of these keys sealed; an empty text is not sealed."""
        return and_(self.column != "", not_(self.sealed_by(*kids)))


def _columns() -> tuple[SealedColumn, ...]:
    """Return every column of sealed text. What the short-lived store keeps is over before a key's line may go."""
    of_code = one_time_codes.bound_to
    return (
        SealedColumn(signing_key.c.private_jwk, signing.bound_to, (signing_key.c.kid,)),
        SealedColumn(provider_secret.c.sealed, subjects.bound_to, (provider_secret.c.name,)),
        SealedColumn(
            authenticator.c.secret, authenticators.bound_to, (authenticator.c.account_id, authenticator.c.id)
        ),
        SealedColumn(recovery_code.c.digest, partial(of_code, RECOVERY), (recovery_code.c.account_id,)),
        SealedColumn(activation_code.c.digest, partial(of_code, ACTIVATION), (activation_code.c.account_id,)),
        SealedColumn(notice.c.content, outbox.bound_to, (notice.c.id,)),
        SealedColumn(recovery_request.c.typed, requests.bound_to, (recovery_request.c.id,)),
    )


COLUMNS: Final = _columns()


def to_do(database: Database, keyring: Keyring) -> dict[str, int]:
    """Return how many rows of each table another key than the active one sealed."""
    return {one.table.name: _count(database, one, one.sealed_by_other(keyring.kids[0])) for one in COLUMNS}


def left(database: Database, keyring: Keyring) -> dict[str, int]:
    """Return how many rows each older key still holds; under the empty name those that no key of the keyring opens."""
    older = {
        kid: sum(_count(database, one, one.sealed_by(kid)) for one in COLUMNS) for kid in keyring.kids[1:]
    }
    return {**older, "": sum(_count(database, one, one.sealed_by_other(*keyring.kids)) for one in COLUMNS)}


def reseal(database: Database, keyring: Keyring, where: SealedColumn) -> Iterator[int]:
    """Seal a column again and yield how many rows each piece did. Stopped in between, it goes on where it was.

    What somebody else changes meanwhile is theirs, and what no key opens stays as it is.
    """
    after = ""
    outdated = where.sealed_by_other(keyring.kids[0])
    columns = [where.key.label("key"), where.column.label("sealed"), *where.bound_by]
    piece = select(*columns).where(outdated, where.key > bindparam("after")).order_by(where.key).limit(PIECE)
    same = and_(where.key == bindparam("the_key"), where.column == bindparam("older"))
    change = update(where.table).where(same).values({where.column: bindparam("newer")})
    while True:
        with database.read() as connection:
            rows = connection.execute(piece, {"after": after}).all()
        if not rows:
            return
        after = rows[-1].key
        found = [_again(keyring, where, row.key, row.sealed, tuple(row)[2:]) for row in rows]
        changes = [one for one in found if one is not None]
        if changes:
            with database.write() as connection:
                connection.execute(change, changes)
        yield len(changes)


def _again(
    keyring: Keyring, where: SealedColumn, key: str, older: str, bound_by: tuple[str, ...]
) -> Mapping[str, str] | None:
    bound_to = where.bound_to(*bound_by)
    try:
        newer = keyring.seal(keyring.open(older, bound_to=bound_to), bound_to=bound_to)
    except SealBroken:
        return None
    return {"the_key": key, "older": older, "newer": newer}


def _count(database: Database, where: SealedColumn, rows: ColumnElement[bool]) -> int:
    with database.read() as connection:
        counted = select(func.count()).select_from(where.table).where(rows)
        return connection.execute(counted).scalar_one()
