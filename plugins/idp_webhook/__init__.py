"""Notices to a system of the fund's, which turns them into text messages or letters: signed JSON over HTTPS."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence

import requests

from idp.plugins import Message, NotDelivered, Unreachable
from idp.settings import Settings

TIMEOUT_SECONDS = (5.0, 20.0)
"""To connect, and between two pieces of the answer's head; its body is not read."""

_MAY_CHANGE = frozenset({401, 403, 408, 425, 429})
"""Of the answers that say the request is wrong, those that another moment, or a secret put right, may change."""


class WebhookNotifier:
    """Posts each notice to one address, for the person's ``phone_number``, or else their ``email``."""

    def __init__(self, settings: Settings) -> None:
        """Raise ``ValueError`` without the settings ``webhook``, ``OSError`` for certificates that are not there."""
        if settings.webhook is None:
            raise ValueError("the settings `webhook` are expected")
        self._url = settings.webhook.url
        self._key = settings.webhook.secret.encode()
        self._trusted: str | bool = True
        if settings.webhook.ca_file is not None:
            self._trusted = str(settings.webhook.ca_file.resolve(strict=True))

    def recipients(self, attributes: Mapping[str, object]) -> Sequence[str]:
        """Return where the person is reached best."""
        known = (attributes.get(name) for name in ("phone_number", "email"))
        return [one for one in known if isinstance(one, str) and one.strip()][:1]

    def send(self, message: Message) -> None:
        """Post the message, or raise ``NotDelivered``; a redirect is not followed, and no answer is read."""
        body = json.dumps(_said(message), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
            "Idp-Signature": self._signature(body, int(message.sent_at.timestamp())),
        }
        try:
            with requests.Session() as http:
                http.trust_env = False
                http.verify = self._trusted
                answer = http.post(
                    self._url,
                    data=body,
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,
                    stream=True,
                )
                answer.close()
        except requests.RequestException as failure:
            raise Unreachable(f"webhook: {type(failure).__name__}") from None
        _judge(answer.status_code)

    def _signature(self, body: bytes, at: int) -> str:
        """Return ``t=<seconds>,v1=<hex>``: HMAC-SHA256 over time, a dot and body, so that neither can be replaced."""
        signed = hmac.new(self._key, f"{at}.".encode() + body, hashlib.sha256)
        return f"t={at},v1={signed.hexdigest()}"


def _said(message: Message) -> dict[str, str]:
    return {
        "id": message.id,
        "kind": message.kind,
        "created_at": message.created_at.isoformat(),
        "recipient": message.recipient,
        "language": message.language,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
    }


def _judge(status: int) -> None:
    """Raise what an answer other than 2xx means."""
    if not 200 <= status < 300:
        permanent = 400 <= status < 500 and status not in _MAY_CHANGE
        raise NotDelivered(f"webhook: {status}", permanent=permanent)
