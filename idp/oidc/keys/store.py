"""The keys in use in this process: imported once, looked at again now and then, so that no restart is needed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import func, select

from idp.clock import Clock
from idp.oidc.keys.signing import ALGORITHMS, Published, SigningKey, SigningKeys, imported
from idp.storage.database import Database
from idp.storage.errors import SealBroken, StorageUnavailable
from idp.storage.keyring import Keyring
from idp.storage.schema import signing_key

CACHED = timedelta(seconds=300)
"""How long anybody may go on with the public set that they fetched."""

LOOK = timedelta(seconds=60)
"""Between two looks at the table."""

STALE = 2 * LOOK
"""The oldest set that a request goes on with while another thread looks."""

_AGAIN = timedelta(seconds=5)
"""Between two looks for a ``kid`` that is not known, and after one that failed."""

_KID = re.compile(r"[A-Za-z0-9_-]{43}")

_log = logging.getLogger(__name__)


class KeyStore:
    """The signing keys by the database, as they were at most ``STALE`` ago; while it is down, as they were last."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._looking = Lock()
        self._keys = load_keys(database, keyring)
        self._looked = self._clock.now()
        self._wait = LOOK
        self._asked: datetime | None = None

    def signing(self, alg: str) -> SigningKey:
        """Return the key that signs by ``alg`` now. Raises ``LookupError`` when there is none."""
        return self.published().signing(alg, self._clock.now())

    def published(self) -> SigningKeys:
        """Return the keys that are published and verify. One thread looks again; others go on with what is known."""
        now = self._clock.now()
        if not self._fresh(now) and self._looking.acquire(blocking=now - self._looked >= STALE):
            try:
                if not self._fresh(now := self._clock.now()):
                    self._look(now)
            finally:
                self._looking.release()
        return self._keys

    def verifying(self, kid: object) -> SigningKeys:
        """Return the same to verify a token that names ``kid``; one that is not known is looked for at once.

        A look every five seconds at most: names that somebody makes up must not cost statements.
        """
        keys = self.published()
        if not isinstance(kid, str) or kid in keys or not _KID.fullmatch(kid):
            return keys
        with self._looking:
            now = self._clock.now()
            if kid not in self._keys and (self._asked is None or abs(now - self._asked) >= _AGAIN):
                self._asked = now
                self._look(now)
            return self._keys

    def _fresh(self, now: datetime) -> bool:
        return timedelta(0) <= now - self._looked < self._wait

    def _look(self, now: datetime) -> None:
        known = {one.signing.kid: one.signing for one in self._keys.published}
        wait = _AGAIN
        try:
            found = _read(self._database, self._keyring, known, skip_broken=True)
            wait = LOOK
            if found != self._keys.published:
                self._keys = SigningKeys.of(found)
        except StorageUnavailable:
            _log.warning("signing keys: not looked at, the database cannot serve")
        finally:
            # Last of all: until then whoever has a set that is too old waits.
            self._looked, self._wait = now, wait


def load_keys(database: Database, keyring: Keyring) -> SigningKeys:
    """Return every published key, imported. Raises ``SealBroken``, ``StorageUnavailable``."""
    return SigningKeys.of(_read(database, keyring, {}, skip_broken=False))


def _read(
    database: Database, keyring: Keyring, known: Mapping[str, SigningKey], *, skip_broken: bool
) -> list[Published]:
    """Return what is published, in the order of ``SigningKeys``; of those in ``known`` no private key is read."""
    table = signing_key.c
    since = func.coalesce(table.activates_at, table.created_at)
    with database.read() as connection:
        rows = connection.execute(
            select(table.kid, table.alg, table.created_at, table.activates_at)
            .where(table.retired_at.is_(None), table.alg.in_(ALGORITHMS))
            .order_by(since, table.kid)
        ).all()
        unknown = [row.kid for row in rows if row.kid not in known]
        wanted = select(table.kid, table.private_jwk).where(table.kid.in_(unknown))
        stored = {row.kid: row.private_jwk for row in connection.execute(wanted)} if unknown else {}
    found = []
    for row in rows:
        try:
            key = known.get(row.kid) or imported(keyring, row.kid, row.alg, stored[row.kid])
        except SealBroken:
            if not skip_broken:
                raise
            # A restart is due: the keyring of this process is older than the one that sealed the key.
            _log.error("signing keys: no key of the keyring opens %s", row.kid)
            continue
        found.append(Published(key, row.activates_at or row.created_at))
    return found
