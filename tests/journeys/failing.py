"""Stores that fail at one chosen moment: before they did what was asked, or after it, when the answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from idp.app import create_app
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore
from idp.storage.errors import StorageUnavailable
from tests.provider import Provider, Visit


@dataclass
class Failure:
    """Counts what the stores are asked, and lets one of them fail."""

    at: int = -1
    """The number of the operation that fails, counted from 0; negative: none."""
    answer_lost: bool = False
    """Whether it is done all the same, and only the answer is lost."""
    lasting: bool = False
    """Whether everything after it fails too."""
    asked: int = 0
    failed: bool = False

    @contextmanager
    def around(self) -> Iterator[None]:
        """Run one operation."""
        number, self.asked = self.asked, self.asked + 1
        its_turn = number == self.at or (self.lasting and number > self.at >= 0)
        if its_turn and not self.answer_lost:
            self._fail()
        yield
        if its_turn:
            self._fail()

    def _fail(self) -> None:
        self.failed = True
        raise StorageUnavailable("gone, as the test wants it")


class FailingDatabase(Database):
    """A database whose transactions fail as ``failure`` says."""

    failure: Failure

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection, as the real one does."""
        with self.failure.around(), super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection, as the real one does."""
        with self.failure.around(), super().write() as connection:
            yield connection


@dataclass(frozen=True)
class FailingEphemeral:
    """A short-lived store that fails as ``failure`` says."""

    store: EphemeralStore
    failure: Failure

    def put(self, key: str, value: bytes, expires_at: datetime) -> None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            self.store.put(key, value, expires_at)

    def add(self, key: str, value: bytes, expires_at: datetime) -> bool:
        """See ``EphemeralStore``."""
        with self.failure.around():
            return self.store.add(key, value, expires_at)

    def get(self, key: str) -> bytes | None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            return self.store.get(key)

    def take(self, key: str) -> bytes | None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            return self.store.take(key)

    def replace(self, key: str, expected: bytes, value: bytes, expires_at: datetime) -> bool:
        """See ``EphemeralStore``."""
        with self.failure.around():
            return self.store.replace(key, expected, value, expires_at)

    def delete(self, key: str) -> None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            self.store.delete(key)

    def ping(self) -> None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            self.store.ping()

    def server_time(self) -> datetime | None:
        """See ``EphemeralStore``."""
        with self.failure.around():
            return self.store.server_time()


class Flaky:
    """The provider with stores that fail on demand, and a person who goes on."""

    def __init__(self, provider: Provider, store: str, answer_lost: bool) -> None:
        self.provider = provider
        self.failure = Failure(answer_lost=answer_lost)
        self._calm = Failure()
        parts = provider.parts
        database = FailingDatabase(provider.settings.database_url)
        database.failure = self.failure if store == "database" else self._calm
        ephemeral = FailingEphemeral(parts.ephemeral, self.failure if store == "ephemeral" else self._calm)
        self.database = database
        own = replace(parts, database=database, ephemeral=ephemeral)
        self.app = create_app(provider.settings, own)

    def fail_at(self, number: int, *, lasting: bool = False) -> None:
        """Let that operation from now on fail."""
        self.failure.at, self.failure.asked, self.failure.failed = number, 0, False
        self.failure.lasting = lasting

    def browser(self) -> Visit:
        """Return a browser at the provider that fails."""
        visit = Visit(self.provider)
        visit.client = self.app.test_client()
        return visit

    def token(self, data: dict[str, str]) -> Any:
        """Post to the token endpoint as the public client."""
        return self.app.test_client(use_cookies=False).post(
            "/oauth2/token", data={**data, "client_id": "public"}, base_url="https://idp.test"
        )
