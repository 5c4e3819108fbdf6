"""A migrated database on every durable backend, with one practice in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyotp
import pytest

from idp.accounts import delegations, directory
from idp.accounts.delegations import NewAssistant
from idp.rules.delegation import Window, window_of_days
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.migrate import upgrade
from tests.clock import MovableClock
from tests.storage.conftest import ON_POSTGRESQL, empty_database_url


@dataclass(frozen=True)
class Practice:
    """One practitioner's account in a database."""

    database: Database
    keyring: Keyring
    clock: MovableClock
    account_id: str
    sub: str

    def assistant(self, name: str = "NAUDIN Fernand", window: Window | None = None, limit: int = 10) -> str:
        """Add an assistant and return the delegation's id."""
        window = window or window_of_days(date(2025, 12, 3), None)
        new = NewAssistant(name, window, pyotp.random_base32(), None)
        with self.database.write() as connection:
            now = self.clock.now()
            return delegations.add(connection, self.keyring, self.account_id, new, limit, now)


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a migrated database, one backend after the other."""
    database = Database(empty_database_url(request.param, request, tmp_path))
    upgrade(database)
    yield database
    database.dispose()


@pytest.fixture
def practice(database: Database, tmp_path: Path, clock: MovableClock) -> Practice:
    """Give a practice without assistants."""
    (tmp_path / "keyring").write_text(Keyring.generate_line("first") + "\n")
    keyring = Keyring.from_file(tmp_path / "keyring")
    with database.write() as connection:
        sub = directory.add_person(connection, "DURAND Alice", clock.now())
        account_id = directory.add_account(
            connection, sub, "408461", "health_professional", "$argon2id$…", clock.now()
        )
    return Practice(database, keyring, clock, account_id, sub)
