"""Notices by mail, against real mail servers: never in the clear, and each refusal taken for what it is."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import MIMEPart
from email.utils import parsedate_to_datetime
from pathlib import Path

import idp_smtp
import pytest
from idp_smtp import SmtpNotifier

from idp.plugins import Message, NotDelivered, PluginError, Unreachable, load_plugins
from tests.certificates import certificate, server_context
from tests.mail import ACCOUNT, ACCOUNT_PASSWORD, mail_server
from tests.plugins.conftest import MakeSettings

MESSAGE = Message(
    id="0f" * 16,
    kind="new_device",
    recipient="ariane.leroux@example.org",
    language="fr",
    subject="Connexion depuis un nouvel appareil",
    text="Bonjour,\n\nÇa s'est passé à 10:30.\n",
    html='<!doctype html>\n<html lang="fr"><title>Connexion</title><p>Ça s\'est passé à 10:30.</p></html>\n',
    created_at=datetime(2026, 1, 15, 9, 30, tzinfo=UTC),
    sent_at=datetime(2026, 1, 15, 9, 31, tzinfo=UTC),
)

MakeNotifier = Callable[..., SmtpNotifier]


@pytest.fixture
def notifier(make_settings: MakeSettings, tmp_path: Path) -> MakeNotifier:
    """Give a function that returns the notifier for a port of this machine, trusting the test's certificate."""

    def made(port: int, *, host: str = "localhost", **more: object) -> SmtpNotifier:
        trusted = {"ca_file": str(certificate(tmp_path, host)), **more}
        lines = "".join(f", {name}: {value}" for name, value in trusted.items() if value is not None)
        return SmtpNotifier(
            make_settings(f"smtp: {{host: localhost, port: {port}, sender: noreply@idp.test{lines}}}\n")
        )

    return made


def refusal(notifier: SmtpNotifier, message: Message = MESSAGE) -> NotDelivered:
    with pytest.raises(NotDelivered) as refused:
        notifier.send(message)
    assert message.recipient not in str(refused.value)
    return refused.value


def unwired(part: MIMEPart | None) -> str:
    """Return a part's text without the line ends of the wire."""
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def test_a_notice_arrives_over_tls_as_text_and_html(notifier: MakeNotifier, tmp_path: Path) -> None:
    with mail_server(server_context(tmp_path)) as mailbox:
        notifier(mailbox.port).send(MESSAGE)
    (mail,) = mailbox.mails
    assert mailbox.recipients == [MESSAGE.recipient]
    assert mailbox.commands[:2] == ["EHLO in the clear", "EHLO over TLS"]
    assert mailbox.commands[2:] == ["MAIL noreply@idp.test", f"RCPT {MESSAGE.recipient}"]
    assert mail["From"] == "Caisses Sociales de Monaco <noreply@idp.test>"
    assert mail["To"] == MESSAGE.recipient
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]) == MESSAGE.created_at
    assert mail["Message-ID"] == f"<{MESSAGE.id}@idp.test>"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert unwired(mail.get_body(("plain",))) == MESSAGE.text
    assert unwired(mail.get_body(("html",))) == MESSAGE.html


def test_each_attempt_has_the_same_message_id_and_date(notifier: MakeNotifier, tmp_path: Path) -> None:
    with mail_server(server_context(tmp_path)) as mailbox:
        sender = notifier(mailbox.port)
        sender.send(MESSAGE)
        sender.send(replace(MESSAGE, sent_at=datetime(2026, 1, 15, 12, tzinfo=UTC)))
    first, again = mailbox.mails
    assert (first["Message-ID"], first["Date"]) == (again["Message-ID"], again["Date"])


def test_a_mail_server_without_starttls_is_told_nothing(notifier: MakeNotifier) -> None:
    with mail_server(None) as mailbox:
        refused = refusal(notifier(mailbox.port))
    assert isinstance(refused, Unreachable)
    assert not refused.permanent
    assert str(refused) == "mail server: no STARTTLS"
    assert set(mailbox.commands) == {"EHLO in the clear"}


@pytest.mark.parametrize("trusted", ["other.test", None], ids=["another name", "nobody's word for it"])
def test_a_certificate_that_does_not_hold_ends_it_before_a_word_is_said(
    notifier: MakeNotifier, tmp_path: Path, trusted: str | None
) -> None:
    shown = trusted or "localhost"
    more = {} if trusted else {"ca_file": None}
    with mail_server(server_context(tmp_path, shown)) as mailbox:
        refused = refusal(notifier(mailbox.port, host=shown, **more))
    assert isinstance(refused, Unreachable)
    assert str(refused) == "mail server: SSLCertVerificationError"
    assert set(mailbox.commands) == {"EHLO in the clear"}


def test_the_account_at_the_server_is_used_over_tls(notifier: MakeNotifier, tmp_path: Path) -> None:
    account = {"username": ACCOUNT, "password": ACCOUNT_PASSWORD}
    with mail_server(server_context(tmp_path), authenticated=True) as mailbox:
        notifier(mailbox.port, **account).send(MESSAGE)
        assert len(mailbox.mails) == 1
        refused = refusal(notifier(mailbox.port, username=ACCOUNT, password="another"))
        assert isinstance(refused, Unreachable)
        assert str(refused) == "mail server: SMTPAuthenticationError 535"
        assert isinstance(refusal(notifier(mailbox.port)), Unreachable)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    ("command", "answer", "permanent"),
    [
        ("RCPT", "450 4.2.1 <ariane.leroux@example.org> greylisted", False),
        ("RCPT", "550 5.1.1 <ariane.leroux@example.org> unknown", True),
        ("DATA", "451 4.3.0 later", False),
        ("DATA", "554 5.7.1 refused", True),
    ],
)
def test_what_the_server_says_of_this_message_decides_whether_to_try_again(
    notifier: MakeNotifier, tmp_path: Path, command: str, answer: str, permanent: bool
) -> None:
    with mail_server(server_context(tmp_path)) as mailbox:
        sender = notifier(mailbox.port)
        mailbox.refusals[command] = [answer]
        refused = refusal(sender)
        assert not isinstance(refused, Unreachable)
        assert refused.permanent == permanent
        assert str(refused) == f"mail server: {answer[:3]} at {command}"
        assert not mailbox.mails
        sender.send(MESSAGE)
    assert len(mailbox.mails) == 1


def test_a_sender_that_the_server_refuses_is_ours_to_mend(notifier: MakeNotifier, tmp_path: Path) -> None:
    with mail_server(server_context(tmp_path)) as mailbox:
        mailbox.refusals["MAIL"] = ["550 5.7.1 who are you"]
        refused = refusal(notifier(mailbox.port))
    assert isinstance(refused, Unreachable)
    assert not refused.permanent


def test_a_server_that_hangs_is_left_after_its_time(
    notifier: MakeNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idp_smtp, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        refused = refusal(notifier(silent.getsockname()[1]))
    assert isinstance(refused, Unreachable)
    assert time.monotonic() - begun < 5


def test_no_server_at_all_is_unreachable(notifier: MakeNotifier) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert isinstance(refusal(notifier(port)), Unreachable)


@pytest.mark.parametrize(
    "message",
    [
        replace(MESSAGE, subject="Bonjour\r\nBcc: everybody@example.org"),
        replace(MESSAGE, subject="Bonjour\nX: y"),
        replace(MESSAGE, recipient="a@example.org\r\nBcc: everybody@example.org"),
        replace(MESSAGE, recipient="a@example.org, b@example.org"),
    ],
)
def test_no_header_and_no_recipient_can_be_slipped_in(
    notifier: MakeNotifier, tmp_path: Path, message: Message
) -> None:
    with mail_server(server_context(tmp_path)) as mailbox, pytest.raises(ValueError, match=r".+"):
        notifier(mailbox.port).send(message)
    assert not mailbox.mails


def test_a_line_of_a_dot_alone_ends_nothing(notifier: MakeNotifier, tmp_path: Path) -> None:
    text = "Bonjour\n.\nMAIL FROM:<evil@example.org>\n"
    with mail_server(server_context(tmp_path)) as mailbox:
        notifier(mailbox.port).send(replace(MESSAGE, text=text))
    (mail,) = mailbox.mails
    assert unwired(mail.get_body(("plain",))) == text


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, []),
        ({"email": "a@example.org"}, ["a@example.org"]),
        (
            {"email": "a@example.org", "contact_emails": ["b@example.org", 3, ""]},
            ["a@example.org", "b@example.org"],
        ),
        ({"contact_emails": "b@example.org"}, ["b@example.org"]),
        ({"email": "Ariane <a@example.org>"}, []),
        ({"email": "a@example.org\nBcc: b@example.org"}, []),
        ({"email": "a@example.org, b@example.org"}, []),
        ({"email": "@example.org", "phone_number": "+377"}, []),
        ({"email": None, "contact_emails": None}, []),
    ],
)
def test_only_what_can_be_an_address_is_one(
    notifier: MakeNotifier, attributes: dict[str, object], expected: list[str]
) -> None:
    assert list(notifier(25).recipients(attributes)) == expected


@pytest.mark.parametrize(
    ("smtp", "expected"),
    [
        ("", "ValueError: the settings `smtp` are expected"),
        (
            "smtp: {host: localhost, sender: nobody}\n",
            "ValueError: smtp.sender: a mail address is expected",
        ),
        (
            "smtp: {host: localhost, sender: a@idp.test, username: me}\n",
            "ValueError: smtp: username and password are expected together, or neither",
        ),
        ("smtp: {host: localhost, sender: a@idp.test, ca_file: absent.pem}\n", "FileNotFoundError: "),
    ],
)
def test_settings_that_cannot_be_used_stop_the_start_in_one_line(
    make_settings: MakeSettings, smtp: str, expected: str
) -> None:
    with pytest.raises(PluginError) as refused:
        load_plugins(make_settings(f"plugins: {{notifiers: [smtp]}}\n{smtp}"))
    assert str(refused.value).startswith(f"plugin 'smtp' of idp.notifiers fails: {expected}")


def test_the_notifier_is_loaded_where_it_is_named(make_settings: MakeSettings) -> None:
    smtp = "smtp: {host: localhost, sender: a@idp.test}\n"
    assert not load_plugins(make_settings(smtp)).notifiers
    plugins = load_plugins(make_settings(f"plugins: {{notifiers: [smtp]}}\n{smtp}"))
    assert isinstance(plugins.notifiers["smtp"], SmtpNotifier)
