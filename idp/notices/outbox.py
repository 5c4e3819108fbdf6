"""The durable outbox: a notice is queued in the transaction of the act that it tells of, and kept or lost with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from idp.accounts.identifier import new_id
from idp.notices.kinds import NEEDED, Notice
from idp.plugins import Notifier
from idp.storage.keyring import Keyring
from idp.storage.schema import account, notice, person

_LONGEST_RECIPIENT = 254
_log = logging.getLogger(__name__)


class Outbox:
    """Queues notices for every contact on file; ``idp worker`` sends them."""

    def __init__(self, keyring: Keyring, notifiers: Mapping[str, Notifier]) -> None:
        self._keyring = keyring
        self._notifiers = dict(notifiers)

    @property
    def reaches(self) -> bool:
        """Whether there is any way at all to tell people something."""
        return bool(self._notifiers)

    def tell(
        self, connection: Connection, kind: Notice, account_id: str, now: datetime, **values: str
    ) -> int:
        """Queue a notice for every contact of the account's holder, and return for how many.

        What it says is sealed: a single-use link must not stand in a dump of the database. Raises ``ValueError``
        when a value is missing that the kind needs.
        """
        if missing := NEEDED[kind] - values.keys():
            raise ValueError(f"notice {kind}: {', '.join(sorted(missing))} expected")
        if not self._notifiers:
            return 0
        attributes = connection.execute(
            select(person.c.attributes)
            .join(account, account.c.person_id == person.c.id)
            .where(account.c.id == account_id)
        ).scalar_one()
        language = str(attributes.get("locale") or "fr")[:2].lower()
        rows = [
            self._row(kind, account_id, name, recipient, language, values, now)
            for name, notifier in self._notifiers.items()
            for recipient in _recipients(name, notifier, attributes)
        ]
        if rows:
            connection.execute(insert(notice), rows)
        return len(rows)

    def _row(
        self,
        kind: Notice,
        account_id: str,
        notifier: str,
        recipient: str,
        language: str,
        values: Mapping[str, str],
        now: datetime,
    ) -> dict[str, object]:
        row_id = new_id()
        content = self._keyring.seal(json.dumps(values).encode(), bound_to=bound_to(row_id))
        return {
            "id": row_id,
            "kind": kind.value,
            "account_id": account_id,
            "notifier": notifier,
            "recipient": recipient,
            "language": language,
            "content": content,
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        }


def bound_to(notice_id: str) -> str:
    """Return what the content of a notice is sealed to."""
    return f"notice:{notice_id}"


def _recipients(name: str, notifier: Notifier, attributes: Mapping[str, object]) -> Sequence[str]:
    """Return each address once; a notifier that fails must not take the act down that is told of."""
    try:
        found = dict.fromkeys(notifier.recipients(attributes))
    except Exception as error:
        _log.error("notifier %s finds no recipients: %s", name, type(error).__name__)
        return ()
    return [one for one in found if 0 < len(one) <= _LONGEST_RECIPIENT]
