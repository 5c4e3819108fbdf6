"""A real mail server on loopback: with STARTTLS or without, willing or not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.servers import free_port

ACCOUNT = "notices"
ACCOUNT_PASSWORD = "a-password-of-the-mail-server"


@dataclass
class Mailbox:
    """What was delivered, and what the server answers to the next commands in the place of its consent."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    """What was said on connections, the STARTTLS among it."""
    refusals: dict[str, list[str]] = field(default_factory=dict)
    """By command (``MAIL``, ``RCPT``, ``DATA``), each answer used once."""

    async def handle_EHLO(
        self, server: Any, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.commands.append("EHLO over TLS" if session.ssl else "EHLO in the clear")
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"MAIL {address}")
        if refused := self._refusal("MAIL"):
            return refused
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"RCPT {address}")
        if refused := self._refusal("RCPT"):
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if refused := self._refusal("DATA"):
            return refused
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def _refusal(self, command: str) -> str | None:
        waiting = self.refusals.get(command)
        return waiting.pop(0) if waiting else None


@contextmanager
def mail_server(tls: ssl.SSLContext | None, *, authenticated: bool = False) -> Iterator[Mailbox]:
    """Run a mail server that offers STARTTLS if it is given a context, and wants ``ACCOUNT`` if it is told to."""
    mailbox = Mailbox(port=free_port())
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        tls_context=tls,
        require_starttls=tls is not None,
        auth_required=authenticated,
        authenticator=_authenticate if authenticated else None,
    )
    controller.start()
    mailbox.commands.clear()
    try:
        yield mailbox
    finally:
        controller.stop()


def _authenticate(server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    expected = LoginPassword(ACCOUNT.encode(), ACCOUNT_PASSWORD.encode())
    return AuthResult(success=data == expected, handled=False)
