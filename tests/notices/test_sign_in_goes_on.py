"""Telling people never holds anybody up: a request only queues, whatever becomes of the mail server."""

from __future__ import annotations

import select
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select as select_rows

from idp.storage.schema import notice
from tests.clock import MovableClock
from tests.journeys.story import statements
from tests.provider import Provider, Someone


def signed_in_anew(provider: Provider, doctor: Someone) -> Counter[str]:
    """Sign in from a second device and return the statements that this took."""
    provider.browser().sign_in(doctor)
    provider.clock.advance(seconds=30)
    with statements(provider) as ran:
        provider.browser().sign_in(doctor)
    return Counter(ran)


def whole(folder: Path, clock: MovableClock, **settings: Any) -> tuple[Provider, Someone]:
    folder.mkdir()
    provider = Provider(folder, clock, **settings)
    doctor = provider.add("408461", "LEROUX Ariane", mfa=True, attributes={"email": "ariane@example.org"})
    return provider, doctor


def test_with_a_mail_server_that_hangs_a_sign_in_takes_the_statements_that_queue_and_no_more(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider, doctor = whole(tmp_path / "without", clock)
    without = signed_in_anew(provider, doctor)
    provider.parts.database.dispose()
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        smtp = {"host": "127.0.0.1", "port": hanging.getsockname()[1], "sender": "noreply@idp.test"}
        provider, doctor = whole(tmp_path / "with", clock, smtp=smtp, plugins={"notifiers": ["smtp"]})
        more = signed_in_anew(provider, doctor) - without
        assert select.select([hanging], [], [], 0)[0] == []
    assert sorted(statement.split()[0] for statement in more.elements()) == ["INSERT", "SELECT"]
    with provider.parts.database.read() as connection:
        queued = connection.execute(select_rows(notice.c.kind, notice.c.attempts)).all()
    assert [tuple(row) for row in queued] == [("new_device", 0)]
    provider.parts.database.dispose()
