"""What is worth a line for an auditor, and writing it in the same transaction as the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

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
    TOKENS_EXCHANGED = "tokens.exchanged"
    EXCHANGE_REFUSED = "tokens.exchange_refused"
    TOKENS_REVOKED = "tokens.revoked"
    CLIENT_TOKENS_ISSUED = "tokens.client_issued"
    CONSENT_GIVEN = "consent.given"
    CONSENT_REFUSED = "consent.refused"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    GATEWAY_REFUSED = "gateway.refused"
    LOGOUT_GIVEN_UP = "logout.given_up"
    KEY_PUBLISHED = "key.published"
    KEY_RETIRED = "key.retired"
    ASSISTANT_ADDED = "assistant.added"
    ASSISTANT_CHANGED = "assistant.changed"
    ASSISTANT_REMOVED = "assistant.removed"
    ASSISTANT_PHONE_REPLACED = "assistant.phone_replaced"
    ASSISTANT_REKEYED = "assistant.rekeyed"
    ASSISTANT_LINKED = "assistant.linked"
    ACTOR_CHOSEN = "actor.chosen"
    MANAGING_DENIED = "managing.denied"
    DEVICE_KNOWN = "device.known"
    DEVICE_STOPPED = "device.stopped"
    DEVICE_FORGOTTEN = "device.forgotten"
    ACTIVATION_CODE_MADE = "activation_code.made"
    ACTIVATION_CODE_REFUSED = "activation_code.refused"
    RECOVERY_CODES_MADE = "recovery.codes_made"
    RECOVERY_CODE_USED = "recovery.code_used"
    RECOVERY_CODE_REFUSED = "recovery.code_refused"
    PHONE_REPLACED = "mfa.phone_replaced"
    MFA_RESET = "mfa.reset"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    RECOVERY_LINK_SENT = "recovery.link_sent"
    RECOVERY_LINK_REFUSED = "recovery.link_refused"
    SESSION_ENDED = "session.ended"
    NOTICE_GIVEN_UP = "notice.given_up"
    ACCOUNT_ADDED = "account.added"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_UNLOCKED = "account.unlocked"
    ACCOUNT_IMPORTED = "account.imported"
    PERSON_EXPORTED = "person.exported"
    PERSON_ERASED = "person.erased"


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
    made = line(event, now, account_id=account_id, actor_id=actor_id, client_id=client_id, detail=detail)
    connection.execute(insert(audit_event).values(made))


def line(
    event: Event,
    now: datetime,
    *,
    account_id: str | None = None,
    actor_id: str | None = None,
    client_id: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return a line that is not written yet."""
    return {
        "at": now,
        "kind": event.value,
        "account_id": account_id,
        "actor_id": actor_id,
        "client_id": client_id,
        "detail": dict(detail or {}),
    }
