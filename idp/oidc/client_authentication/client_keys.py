"""The public keys of clients: from their files, or fetched from the addresses where they publish them (`jwks_uri`).

A set counts for five minutes. A key that it lacks is looked for again, at most every ten seconds a client; while a
partner does not answer, its last set counts for a day, and who signs by a key that it lacks is told to come again.
Fetches may take half of the threads, of more than one never all for one partner: who finds none free is told the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Final

from idp.clients.model import Client
from idp.clients.public_keys import PublicKey, usable_keys
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.outbound import NotReached, Outbound

FRESH: Final = timedelta(minutes=5)
"""A key that a client withdraws verifies for so long at most."""

KEPT: Final = timedelta(days=1)
"""So long the last set counts while it cannot be fetched again."""

AGAIN: Final = timedelta(seconds=10)
"""Between two fetches for one client, whatever its callers send."""

_MAX_SET = 65_536
"""Bytes of one published set."""

_log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The client's keys are not known now, and another moment may change that."""


class ClientKeys:
    """Finds a client's keys. One for the process; threads share it."""

    def __init__(self, clients: ClientRegistry, outbound: Outbound, clock: Clock, threads: int) -> None:
        """``threads`` is how many answer requests in this process: half of them never wait for a partner.

        With fewer than four there is one that may, whosever turn it is.
        """
        self._clients = clients
        self._outbound = outbound
        self._clock = clock
        self._at_once = max(1, threads // 2)
        self._gate = BoundedSemaphore(self._at_once)
        self._adding = Lock()
        self._published: dict[tuple[str, str], _Published] = {}

    def of(self, client: Client, kid: str | None) -> Sequence[PublicKey]:
        """Return the client's keys, fetched anew if they are old or lack ``kid``. Raises ``KeysUnavailable``."""
        if client.jwks_uri is None:
            return client.public_keys
        place = client.client_id, client.jwks_uri
        published = self._published.get(place) or self._added(*place)
        return published.keys(kid)

    def _added(self, client_id: str, address: str) -> _Published:
        """Return what is known of an address of now; what no file names any more is forgotten."""
        with self._adding:
            named = {(client.client_id, client.jwks_uri) for client in self._clients}
            kept = {place: known for place, known in self._published.items() if place in named}
            share = max(1, self._at_once - 1)
            published = _Published(client_id, address, self._outbound, self._clock, self._gate, share)
            self._published = {(client_id, address): published} | kept
            return self._published[client_id, address]


class _Published:
    """What is known of one client's address."""

    def __init__(
        self,
        client_id: str,
        address: str,
        outbound: Outbound,
        clock: Clock,
        gate: BoundedSemaphore,
        share: int,
    ) -> None:
        self._client_id = client_id
        self._address = address
        self._outbound = outbound
        self._clock = clock
        self._gate = gate
        self._share = BoundedSemaphore(share)
        self._fetching = Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched: datetime | None = None
        self._tried: datetime | None = None
        self._failed = False

    def keys(self, kid: str | None) -> Sequence[PublicKey]:
        if self._wants(kid):
            with self._turn() as free:
                # While somebody else fetches, only who cannot do without waits.
                if free and self._fetching.acquire(blocking=not self._holds(kid)):
                    try:
                        if self._wants(kid):
                            self._fetch()
                    finally:
                        self._fetching.release()
                elif not self._holds(kid):
                    raise KeysUnavailable
        # A key that the last set lacks may be a new one: the client is not wrong.
        if not self._within(self._fetched, KEPT) or (self._failed and not self._holds(kid)):
            raise KeysUnavailable
        return self._keys

    def _wants(self, kid: str | None) -> bool:
        current = self._within(self._fetched, FRESH) and self._holds(kid)
        return not current and not self._within(self._tried, AGAIN)

    def _holds(self, kid: str | None) -> bool:
        return kid is None or any(key.kid == kid for key in self._keys)

    def _within(self, moment: datetime | None, span: timedelta) -> bool:
        # A clock put back must not keep anything for longer.
        return moment is not None and abs(self._clock.now() - moment) < span

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Give whether a thread may be spent on this client now, on fetching or on waiting for who fetches."""
        if not self._share.acquire(blocking=False):
            yield False
            return
        try:
            free = self._gate.acquire(blocking=False)
            try:
                yield free
            finally:
                if free:
                    self._gate.release()
        finally:
            self._share.release()

    def _fetch(self) -> None:
        try:
            self._keys = _read(self._outbound.get(self._address, limit=_MAX_SET))
            self._fetched = self._clock.now()
            self._failed = False
        except (NotReached, ValueError, RecursionError) as error:
            self._failed = True
            _log.warning("client %s: its keys were not fetched: %s", self._client_id, error)
        finally:
            self._tried = self._clock.now()


def _read(body: bytes) -> tuple[PublicKey, ...]:
    document = json.loads(body)
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("no JWK Set")
    return usable_keys(keys)
