"""What is worth a line for an auditor, and writing it in the same transaction as the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert

from idp.storage.schema import audit_event


class Event(StrEnum):
    """The sensitive acts. ``detail`` never holds a secret, a code, a password or a token."""

    PASSWORD_REFUSED = "password.refused"  # noqa: S105
    PASSWORD_ACCEPTED = "password.accepted"  # noqa: S105
    CODE_REFUSED = "code.refused"
    CODE_AMBIGUOUS = "code.ambiguous"
    ATTEMPT_THROTTLED = "attempt.throttled"
    MFA_ACTIVATED = "mfa.activated"
    SIGNED_IN = "session.signed_in"
    SIGNED_OUT = "session.signed_out"
    SERVICE_REFUSED = "service.refused"
    TOKENS_ISSUED = "tokens.issued"
    TOKENS_REFRESHED = "tokens.refreshed"
    CODE_REPLAYED = "tokens.code_replayed"
    REFRESH_REPLAYED = "tokens.refresh_replayed"
    GRANT_ENDED = "tokens.grant_ended"
    ASSISTANT_ADDED = "assistant.added"
    ASSISTANT_CHANGED = "assistant.changed"
    ASSISTANT_REMOVED = "assistant.removed"
    MANAGING_DENIED = "managing.denied"
    ACCOUNT_ADDED = "account.added"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"


def record(
    connection: Connection,
    event: Event,
    now: datetime,
    *,
    account_id: str | None = None,
    actor_id: str | None = None,
    client_id: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write one line in the caller's transaction: the act and its line are kept or lost together."""
    connection.execute(
        insert(audit_event).values(
            at=now,
            kind=event.value,
            account_id=account_id,
            actor_id=actor_id,
            client_id=client_id,
            detail=dict(detail or {}),
        )
    )
