"""Notices by mail: SMTP submission (RFC 6409) over STARTTLS (RFC 3207), never in the clear."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from idp.plugins import Message, NotDelivered, Unreachable
from idp.settings import Settings

TIMEOUT_SECONDS = 20.0
"""For each answer of the server. A dozen of them stay well within a worker's lease."""

_PERMANENT = 500
# What browsers take as an address (WHATWG HTML §4.10.5.1.5): ASCII, nothing quoted, one recipient.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


class SmtpNotifier:
    """Writes to ``email``, and to each of ``contact_emails``, of a person's attributes."""

    def __init__(self, settings: Settings) -> None:
        """Raise ``ValueError`` or ``OSError`` for settings that are absent or cannot be used."""
        if settings.smtp is None:
            raise ValueError("the settings `smtp` are expected")
        if not _ADDRESS.fullmatch(settings.smtp.sender):
            raise ValueError("smtp.sender: a mail address is expected")
        if (settings.smtp.username is None) != (settings.smtp.password is None):
            raise ValueError("smtp: username and password are expected together, or neither")
        self._server = settings.smtp
        self._from = Address(settings.institution.name, addr_spec=settings.smtp.sender)
        self._tls = ssl.create_default_context()
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.smtp.ca_file is not None:
            self._tls.load_verify_locations(settings.smtp.ca_file.resolve(strict=True))

    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        """Return the person's addresses; what can be none is left out."""
        more = attributes.get("contact_emails")
        found = [attributes.get("email"), *(more if isinstance(more, list) else [more])]
        return [one for one in found if isinstance(one, str) and _ADDRESS.fullmatch(one)]

    def send(self, message: Message) -> None:
        """Hand the message to the mail server, or raise ``NotDelivered``.

        Permanent is only what the server says of this recipient or of this text; what is wrong with server, account or
        sender can be mended, and the message then still goes.
        """
        mail = self._mail(message)
        try:
            self._submit(mail, message.recipient)
        except smtplib.SMTPRecipientsRefused as refusal:
            code, _ = next(iter(refusal.recipients.values()))
            raise _refused("RCPT", code) from None
        except smtplib.SMTPDataError as refusal:
            raise _refused("DATA", refusal.smtp_code) from None
        except smtplib.SMTPResponseException as answer:
            raise Unreachable(f"mail server: {type(answer).__name__} {answer.smtp_code}") from None
        except (OSError, smtplib.SMTPException) as failure:
            # Their texts may hold addresses and what the server said.
            raise Unreachable(f"mail server: {type(failure).__name__}") from None

    def _submit(self, mail: EmailMessage, recipient: str) -> None:
        host, port, name = self._server.host, self._server.port, self._from.domain
        server = smtplib.SMTP(host, port, local_hostname=name, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if not server.has_extn("starttls"):
                raise Unreachable("mail server: no STARTTLS")
            server.starttls(context=self._tls)
            if self._server.username is not None and self._server.password is not None:
                server.login(self._server.username, self._server.password)
            server.send_message(mail, self._server.sender, [recipient])
            # The message is theirs now, whatever becomes of the farewell.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            server.close()

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(SMTP)
        mail["From"] = self._from
        mail["To"] = Address(addr_spec=message.recipient)
        mail["Subject"] = message.subject
        mail["Date"] = message.created_at
        mail["Message-ID"] = f"<{message.id}@{self._from.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language
        # Quoted-printable passes servers that take seven bits only.
        mail.set_content(message.text, cte="quoted-printable")
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
        return mail


def _refused(command: str, code: int) -> NotDelivered:
    return NotDelivered(f"mail server: {code} at {command}", permanent=code >= _PERMANENT)
