"""An outbox over a migrated database on every durable backend, and notifiers that do as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import directory
from idp.languages import Catalogues
from idp.notices.delivery import Delivery
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.notices.texts import Texts
from idp.plugins import Message, Notifier
from idp.settings_groups import Institution, Support
from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.migrate import upgrade
from idp.storage.schema import audit_event, notice
from tests.clock import MovableClock
from tests.notices.samples import SAMPLES
from tests.storage.conftest import ON_POSTGRESQL, empty_database_url

TEMPLATES = Path(__file__).parents[2] / "templates"
MAIL = "alice.durand@example.org"
CONTACTS: Mapping[str, object] = {"email": MAIL}


@dataclass
class Post:
    """A notifier that keeps what it is given, and does first what the test asks for."""

    attribute: str = "email"
    taken: list[Message] = field(default_factory=list)
    tried: list[Message] = field(default_factory=list)
    before: Callable[[Message], None] = lambda _message: None

    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        value = attributes.get(self.attribute)
        return [value] if isinstance(value, str) else []

    def send(self, message: Message) -> None:
        self.tried.append(message)
        self.before(message)
        self.taken.append(message)


@dataclass
class Desk:
    """One account with a mail address, its outbox, and the worker's side of it."""

    database: Database
    keyring: Keyring
    clock: MovableClock
    sub: str
    account_id: str
    notifiers: dict[str, Notifier]
    folder: Path
    """The theme."""
    stop: Event = field(default_factory=Event)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.keyring, self.notifiers)

    def delivery(
        self, notifiers: Mapping[str, Notifier] | None = None, keyring: Keyring | None = None
    ) -> Delivery:
        """Return a worker's."""
        support = Support(phone="+377 00 00 00 00", hours="de 9 h à 17 h")
        texts = Texts([self.folder, TEMPLATES], Catalogues(TEMPLATES / "i18n"), Institution(), support)
        chosen = self.notifiers if notifiers is None else notifiers
        return Delivery(self.database, self.clock, keyring or self.keyring, chosen, texts, self.stop)

    def tell(self, sample: str = "password changed", **changes: str) -> int:
        """Queue a notice as an act does."""
        kind, values = SAMPLES[sample]
        with self.database.write() as connection:
            return self.outbox.tell(
                connection, kind, self.account_id, self.clock.now(), **{**values, **changes}
            )

    def rows(self) -> list[dict[str, Any]]:
        """Return the outbox, the oldest first."""
        with self.database.read() as connection:
            found = connection.execute(select(notice).order_by(notice.c.created_at, notice.c.id))
            return [dict(row) for row in found.mappings()]

    def row(self) -> dict[str, Any]:
        """Return the only notice."""
        (row,) = self.rows()
        return row

    def audited(self) -> list[dict[str, Any]]:
        """Return the audit's lines."""
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(audit_event)).mappings()]


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a migrated database, one backend after the other."""
    database = Database(empty_database_url(request.param, request, tmp_path))
    upgrade(database)
    yield database
    database.dispose()


@pytest.fixture
def post() -> Post:
    """Give the notifier ``post``."""
    return Post()


@pytest.fixture
def desk(database: Database, post: Post, tmp_path: Path, clock: MovableClock) -> Desk:
    """Give an outbox with the one notifier ``post``."""
    (tmp_path / "keyring").write_text(Keyring.generate_line("first") + "\n")
    with database.write() as connection:
        sub = directory.add_person(connection, "DURAND Alice", clock.now(), CONTACTS)
        account_id = directory.add_account(
            connection, sub, "408461", "health_professional", "$argon2id$…", clock.now()
        )
    keyring = Keyring.from_file(tmp_path / "keyring")
    theme = tmp_path / "theme"
    theme.mkdir()
    return Desk(database, keyring, clock, sub, account_id, {"post": post}, theme)


def kinds(messages: Sequence[Message]) -> list[Notice]:
    """Return what was told of."""
    return [Notice(message.kind) for message in messages]
