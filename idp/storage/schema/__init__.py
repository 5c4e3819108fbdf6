"""Every durable table."""

from idp.storage.schema.common import metadata
from idp.storage.schema.people import (
    account,
    activation_code,
    authenticator,
    delegation,
    device,
    failure,
    person,
    recovery_code,
    recovery_request,
    single_use_link,
)
from idp.storage.schema.provider import audit_event, ephemeral, provider_secret, revoked_token, signing_key
from idp.storage.schema.sessions import (
    backchannel_logout,
    consent,
    ended_session,
    journal_entry,
    notice,
    signed_in_session,
    token_grant,
)

__all__ = [
    "account",
    "activation_code",
    "audit_event",
    "authenticator",
    "backchannel_logout",
    "consent",
    "delegation",
    "device",
    "ended_session",
    "ephemeral",
    "failure",
    "journal_entry",
    "metadata",
    "notice",
    "person",
    "provider_secret",
    "recovery_code",
    "recovery_request",
    "revoked_token",
    "signed_in_session",
    "signing_key",
    "single_use_link",
    "token_grant",
]
