"""What the outbox holds for people."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from idp.notices.outbox import bound_to
from idp.storage.schema import notice
from tests.provider import Provider

BY_MAIL: dict[str, Any] = {
    "plugins": {"notifiers": ["smtp"]},
    "smtp": {"host": "mail.example.org", "sender": "caisses@example.org"},
}
"""Settings with which notices are queued for whoever has an `email`; nothing is sent without a worker."""


def told(provider: Provider) -> list[tuple[str, str, dict[str, str]]]:
    """Return kind, recipient and values of every notice queued, the oldest first."""
    with provider.parts.database.read() as connection:
        rows = connection.execute(select(notice).order_by(notice.c.created_at, notice.c.id)).all()
    return [
        (
            row.kind,
            row.recipient,
            json.loads(provider.parts.keyring.open(row.content, bound_to=bound_to(row.id))),
        )
        for row in rows
    ]
