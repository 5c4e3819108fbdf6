"""The worker's log at DEBUG names notices, never what they say, to whom, or the link that one carries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idp.notices.outbox import Outbox
from idp.storage.schema import audit_event, notice
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.commands.rounds import Rounds, work_in_turn
from tests.mail import mail_server
from tests.notices.samples import LINK, SAMPLES
from tests.plugins.test_webhook import SECRET, receiver
from tests.provider import Provider

MAIL = "ariane.leroux@example.org"
PHONE = "+37799123456"
NAME = "NAUDIN Fernand"
OURS = ("mail.log", "mail.debug")
"""What the mail server of the test logs itself."""


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Give everything logged, with every logger there is at DEBUG, but for the test's own mail server."""
    names = [name for name in logging.root.manager.loggerDict if not name.startswith(("hypothesis", "faker"))]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    caplog.set_level(logging.DEBUG)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.attack(70)
def test_no_log_of_the_worker_holds_an_address_a_text_or_a_link(
    tmp_path: Path, clock: MovableClock, logged: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "idp"
    folder.mkdir()
    with mail_server(server_context(tmp_path)) as mailbox, receiver() as told:
        smtp: dict[str, Any] = {"host": "localhost", "port": mailbox.port, "sender": "noreply@idp.test"}
        provider = Provider(
            folder,
            clock,
            smtp={**smtp, "ca_file": str(certificate(tmp_path))},
            webhook={"url": f"http://127.0.0.1:{told.port}/notices", "secret": SECRET},
            plugins={"notifiers": ["smtp", "webhook"]},
        )
        doctor = provider.add(
            "408461", "LEROUX Ariane", attributes={"email": MAIL, "phone_number": PHONE, "locale": "fr-MC"}
        )
        outbox = Outbox(provider.parts.keyring, provider.parts.plugins.notifiers)
        with provider.parts.database.write() as connection:
            account_id = provider.account_id(connection, doctor)
            for kind, values in SAMPLES.values():
                assert outbox.tell(connection, kind, account_id, clock.now(), **values) == 2
        mailbox.refusals["RCPT"] = [f"450 <{MAIL}> later", f"550 <{MAIL}> unknown"]
        told.status = 503
        work_in_turn(provider.settings, provider.parts, Rounds(2, clock))
        told.status = 422
        clock.advance(seconds=60)
        work_in_turn(provider.settings, provider.parts, Rounds(2, clock))
        with provider.parts.database.read() as connection:
            waiting = connection.execute(select(notice).where(notice.c.content != "")).all()
            audit = repr([tuple(row) for row in connection.execute(select(audit_event))])
        provider.parts.database.dispose()
    assert not waiting
    assert len(mailbox.mails) == len(SAMPLES) - 1
    assert any(LINK in mail.as_string().replace("=\n", "").replace("=3D", "=") for mail in mailbox.mails)
    text = "\n".join(
        f"{record.getMessage()} {record.args!r} {record.exc_text or ''}" for record in logged.records
    )
    for written in ("450 at RCPT", "550 at RCPT", "webhook: 503", "given up, refused"):
        assert written in text
    assert audit.count("notice.given_up") == 1 + len(SAMPLES)
    said = ("Bonjour", "recovery/", LINK, NAME, "608349", "Firefox")
    assert not [secret for secret in (MAIL, PHONE, SECRET, *said) if secret in text]
    assert not [secret for secret in (MAIL, PHONE, LINK, NAME) if secret in audit]
