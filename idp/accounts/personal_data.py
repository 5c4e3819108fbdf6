"""What is held about people, table by table and column by column: given out to whom it is about, and erased how.

Export, erasure and the record of processing (``config/PRIVACY.md``) read this; a test fails while a table or a column
of the schema does not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

ERASED_NAME = "Personne effacée"
"""What stands in the place of the name where a row must stay."""

Erased = Literal["deleted", "scrubbed", "stays"]


@dataclass(frozen=True)
class Held:
    """One table. Each column stands in ``given`` or in ``withheld``."""

    what: str
    kept: str
    given: tuple[str, ...] = ()
    """Columns that an export shows."""
    withheld: tuple[str, ...] = ()
    """Columns that it does not: they prove who somebody is, or say nothing about anybody."""
    account: str | None = None
    """The column that says whose account."""
    delegation: str | None = None
    """The column that says which assistant's place at a practice."""
    person: str | None = None
    """The column that says which person, or who acted."""
    with_account: Erased = "stays"
    """What becomes of the rows when the account's holder is erased; ``stays``: they are about nobody."""
    with_assistant: Erased = "stays"
    """What becomes of an assistant's rows when the assistant is erased; of notices, those that name them."""
    scrubbed: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What a scrubbed row holds instead."""


_WHILE_THE_ACCOUNT = "as long as the account"
_RETENTION = "`retention_days`"

PERSONAL_DATA: Mapping[str, Held] = MappingProxyType(
    {
        "person": Held(
            what="name, and the claims that services ask for: contacts, birth date, numbers of a practitioner",
            kept=_WHILE_THE_ACCOUNT,
            given=("id", "name", "attributes", "created_at"),
            withheld=("email_key",),
            person="id",
            with_account="deleted",
            with_assistant="scrubbed",
            scrubbed={"name": ERASED_NAME, "attributes": {}, "email_key": None},
        ),
        "account": Held(
            what="identifier, profile, password (Argon2id), since when it is activated or disabled",
            kept="until it is erased",
            given=(
                *("id", "person_id", "identifier", "profile", "activated_at", "disabled_at", "not_before"),
                *("holder_not_before", "mfa_reminded_at", "created_at"),
            ),
            withheld=("password",),
            account="id",
            with_account="deleted",
        ),
        "delegation": Held(
            what="an assistant's place at a practice: from when to when, who removed it (none: support), last use",
            kept=_WHILE_THE_ACCOUNT,
            given=(
                *("id", "account_id", "person_id", "valid_from", "valid_until", "created_at", "removed_at"),
                *("removed_by", "not_before", "last_used_at", "last_used_for", "reminded_for", "linked_from"),
            ),
            withheld=("password",),
            account="account_id",
            delegation="id",
            with_account="deleted",
            with_assistant="scrubbed",
            scrubbed={"password": None, "last_used_at": None, "last_used_for": None, "linked_from": None},
        ),
        "authenticator": Held(
            what="a phone's secret (sealed), since when, last time step",
            kept="until the phone or the assistant is removed",
            given=("id", "account_id", "delegation_id", "kind", "created_at"),
            withheld=("secret", "last_step"),
            account="account_id",
            delegation="delegation_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "failure": Held(
            what="failed attempts, counted under a digest of the identifier or the account",
            kept="a day, or a year where they spend the yearly budget",
            withheld=("key", "count", "wait_until", "spent", "spent_at", "forgiven", "forgiven_since"),
            with_account="deleted",
        ),
        "device": Held(
            what="browsers that an account knows: browser and system in words, first and last use",
            kept="until it is forgotten on the page *Profil*, or pushed out by newer ones",
            given=("id", "account_id", "delegation_id", "label", "created_at", "last_used_at"),
            withheld=("token",),
            account="account_id",
            delegation="delegation_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "activation_code": Held(
            what="that an activation code was made, and until when it counts",
            kept="30 days, or until it is used",
            given=("account_id", "created_at", "expires_at"),
            withheld=("digest",),
            account="account_id",
            with_account="deleted",
        ),
        "recovery_code": Held(
            what="that recovery codes were made, and when each was used",
            kept="until new ones are made",
            given=("id", "account_id", "created_at", "used_at"),
            withheld=("digest",),
            account="account_id",
            with_account="deleted",
        ),
        "single_use_link": Held(
            what="that a link to choose a password was asked for",
            kept="15 minutes",
            given=("account_id", "created_at", "expires_at"),
            withheld=("token", "state"),
            account="account_id",
            with_account="deleted",
        ),
        "recovery_request": Held(
            what="what somebody typed who forgot identifier or password (sealed; perhaps nobody's)",
            kept="until the worker has read it, seconds later",
            withheld=("id", "kind", "typed", "created_at"),
        ),
        "signed_in_session": Held(
            what="open sessions: whose, browser and system, since when",
            kept="`session_absolute`, or while a service may renew its tokens (`refresh_lifetime`)",
            given=(
                *("sid", "account_id", "delegation_id", "via_delegation_id", "device", "opened_at"),
                "ends_at",
            ),
            account="account_id",
            delegation="delegation_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "journal_entry": Held(
            what="who signed in, when, at which service, from which browser and system",
            kept=f"{_RETENTION}, and while the session stands",
            given=("id", "at", "account_id", "person_id", "sid", "client_id", "service", "device"),
            account="account_id",
            person="person_id",
            with_account="deleted",
        ),
        "notice": Held(
            what="notices to people: kind, address, language, when sent; what they say (sealed)",
            kept=_RETENTION,
            given=(
                *("id", "kind", "account_id", "notifier", "recipient", "language", "created_at", "due_at"),
                *("attempts", "sent_at", "given_up_at"),
            ),
            withheld=("content",),
            account="account_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "token_grant": Held(
            what="what a service was given: scopes, how the person had signed in, until when",
            kept="`refresh_lifetime`",
            given=(
                *("client_id", "account_id", "delegation_id", "sid", "scope", "resource", "claims", "proofs"),
                *("rotated_at", "created_at", "expires_at", "revoked_at"),
            ),
            withheld=("id", "parent_id", "generation"),
            account="account_id",
            delegation="delegation_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "ended_session": Held(
            what="random names of sessions that have ended",
            kept="8 days",
            withheld=("sid", "ended_at"),
        ),
        "consent": Held(
            what="what somebody agreed that a service may be told, and when",
            kept="until it is withdrawn on the page *Accords donnés*, or as long as the account",
            given=("account_id", "person_id", "client_id", "scope", "given_at"),
            account="account_id",
            person="person_id",
            with_account="deleted",
            with_assistant="deleted",
        ),
        "backchannel_logout": Held(
            what="which service has to be told that a session ended, and whether it was; of an erased account what "
            "still waits stays, and names a session only",
            kept=_RETENTION,
            given=(
                *("sid", "client_id", "account_id", "created_at", "due_at", "attempts", "sent_at"),
                "given_up_at",
            ),
            withheld=("id",),
            account="account_id",
            with_account="deleted",
        ),
        "signing_key": Held(
            what="keys of the provider (sealed)",
            kept="until they are rotated out",
            withheld=("kid", "alg", "private_jwk", "created_at", "activates_at", "retired_at"),
        ),
        "provider_secret": Held(
            what="secrets of the provider (sealed)",
            kept="for good: pairwise subjects come of one",
            withheld=("name", "sealed", "created_at"),
        ),
        "revoked_token": Held(
            what="names of tokens that a service got for itself and gave back",
            kept="until the token would have ended (`access_token_lifetime`)",
            withheld=("jti", "expires_at"),
        ),
        "audit_event": Held(
            what="sensitive acts: when, which, at whose account, which assistant acted, a few words of detail",
            kept=_RETENTION,
            given=("id", "at", "kind", "account_id", "actor_id", "client_id", "detail"),
            account="account_id",
            person="actor_id",
            with_account="scrubbed",
            with_assistant="scrubbed",
        ),
        "ephemeral": Held(
            what="sign-ins under way, sessions, codes: under the digest of what only the browser has",
            kept="`transaction_lifetime`, `session_absolute`, `code_lifetime`",
            withheld=("key", "value", "expires_at"),
        ),
    }
)
