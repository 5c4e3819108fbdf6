"""Every durable table. Columns that hold a moment are UTC; identifiers are random and never reused."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from idp.storage.types import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(32)
_STILL_WAITS = "sent_at IS NULL AND given_up_at IS NULL"

person = Table(
    "person",
    metadata,
    Column("id", _ID, primary_key=True, comment="public subject: `sub`, or `act.sub` of an assistant"),
    Column("name", String(120), nullable=False),
    Column(
        "attributes", JSON, nullable=False, comment="standard claims and those of claims plugins, by name"
    ),
    Column("email_key", String(64), index=True, comment="of the attribute `email`: see accounts.directory"),
    Column("created_at", UtcDateTime, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("person_id", _ID, ForeignKey("person.id"), nullable=False, index=True, comment="the holder"),
    Column(
        "identifier", String(64), nullable=False, unique=True, comment="as compared: see accounts.identifier"
    ),
    Column("profile", String(32), nullable=False),
    Column("password", Text, nullable=False, comment="PHC string"),
    Column("activated_at", UtcDateTime, comment="first authenticator confirmed"),
    Column("disabled_at", UtcDateTime),
    Column("not_before", UtcDateTime, comment="what was proved before no longer counts"),
    Column("holder_not_before", UtcDateTime, comment="what the holder proved before no longer counts"),
    Column("mfa_reminded_at", UtcDateTime, comment="when they were last told that the date approaches"),
    Column("created_at", UtcDateTime, nullable=False),
)

delegation = Table(
    "delegation",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("person_id", _ID, ForeignKey("person.id"), nullable=False, index=True, comment="the assistant"),
    Column("valid_from", UtcDateTime, nullable=False, comment="inclusive"),
    Column("valid_until", UtcDateTime, comment="exclusive; null: open"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", _ID, ForeignKey("person.id")),
    Column("not_before", UtcDateTime, comment="what was proved before no longer counts"),
    Column("last_used_at", UtcDateTime),
    Column("last_used_for", String(120), comment="name of the service"),
    Column("password", Text, comment="the assistant's own PHC string; null: the practice's"),
    Column("reminded_for", UtcDateTime, comment="the end that the practitioner was reminded of"),
    Column(
        "linked_from",
        _ID,
        ForeignKey("delegation.id"),
        comment="where the same person signs in for this one too",
    ),
)

authenticator = Table(
    "authenticator",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", _ID, ForeignKey("delegation.id"), index=True, comment="null: the holder's own"),
    Column("kind", String(16), nullable=False),
    Column("secret", Text, comment="sealed, bound to account and row; gone once the delegation is removed"),
    Column("last_step", BigInteger, comment="last time step accepted; none older or equal ever is again"),
    Column("created_at", UtcDateTime, nullable=False),
)

failure = Table(
    "failure",
    metadata,
    Column("key", String(80), primary_key=True, comment="what is guessed at: kind and digest"),
    Column("count", Integer, nullable=False, comment="in a row"),
    Column("wait_until", UtcDateTime, nullable=False, comment="no attempt is judged before"),
    Column(
        "spent",
        Integer,
        nullable=False,
        server_default="0",
        comment="of the budget: see rules.throttle; a right code takes back those of its own sign-in only",
    ),
    Column("spent_at", UtcDateTime, comment="the last of these"),
    Column("forgiven", Integer, nullable=False, server_default="0", comment="taken back in the year"),
    Column("forgiven_since", UtcDateTime, comment="begin of the year: of its first failure"),
)

device = Table(
    "device",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", _ID, ForeignKey("delegation.id"), index=True, comment="who made it known"),
    Column("token", String(64), nullable=False, index=True, comment="SHA-256 of what the browser keeps"),
    Column("label", String(120), nullable=False, comment="browser and system, in words"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
)

activation_code = Table(
    "activation_code",
    metadata,
    Column("account_id", _ID, ForeignKey("account.id"), primary_key=True, comment="one at a time"),
    Column("digest", String(120), nullable=False, comment="keyed: see accounts.one_time_codes"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("digest", String(120), nullable=False, comment="keyed: see accounts.one_time_codes"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

single_use_link = Table(
    "single_use_link",
    metadata,
    Column("token", String(64), primary_key=True, comment="SHA-256 of what the mail carries"),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("state", String(64), nullable=False, comment="digest of the account's state when it was made"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

recovery_request = Table(
    "recovery_request",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(16), nullable=False, comment="what was forgotten: password or identifier"),
    Column("typed", Text, nullable=False, comment="sealed, bound to the row; the account may not exist"),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

signed_in_session = Table(
    "signed_in_session",
    metadata,
    Column("sid", String(64), primary_key=True, comment="as in tokens; not the cookie"),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", _ID, ForeignKey("delegation.id"), index=True),
    Column(
        "via_delegation_id",
        _ID,
        ForeignKey("delegation.id"),
        index=True,
        comment="signed in by, at another practice",
    ),
    Column("device", String(120), nullable=False, comment="browser and system, in words"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True, comment="at the latest"),
)

journal_entry = Table(
    "journal_entry",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False),
    Column("person_id", _ID, ForeignKey("person.id"), nullable=False, index=True, comment="who"),
    Column("sid", String(64), nullable=False),
    Column("client_id", String(120), nullable=False, comment="empty: the provider's own pages"),
    Column("service", String(120), nullable=False, comment="its name then"),
    Column("device", String(120), nullable=False, comment="browser and system, in words"),
    Index("ix_journal_entry_account_id_id", "account_id", "id"),
    Index("ix_journal_entry_sid_client_id", "sid", "client_id", unique=True),
)

notice = Table(
    "notice",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("notifier", String(32), nullable=False),
    Column("recipient", String(254), nullable=False),
    Column("language", String(8), nullable=False),
    Column("content", Text, nullable=False, comment="what it says, sealed, bound to the row"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, comment="not tried before; a lease moves it on"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("sent_at", UtcDateTime),
    Column("given_up_at", UtcDateTime),
    # Of those that still wait alone: history, kept for a year, must not slow the look at what is due.
    Index("ix_notice_due_at", "due_at", sqlite_where=text(_STILL_WAITS), postgresql_where=text(_STILL_WAITS)),
)

token_grant = Table(
    "token_grant",
    metadata,
    Column(
        "id", String(64), primary_key=True, comment="SHA-256 of client and code: its insert spends the code"
    ),
    Column("client_id", String(120), nullable=False),
    Column("account_id", _ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", _ID, ForeignKey("delegation.id"), index=True),
    Column("sid", String(64), nullable=False, index=True),
    Column("scope", Text, nullable=False),
    Column("proofs", JSON, nullable=False, comment="[[method, seconds], …]"),
    Column("generation", Integer, nullable=False, comment="of the refresh token that is good now"),
    Column("rotated_at", UtcDateTime, comment="when the generation before was spent"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
)

ended_session = Table(
    "ended_session",
    metadata,
    Column(
        "sid", String(64), primary_key=True, comment="a code issued before the end gives nothing after it"
    ),
    Column("ended_at", UtcDateTime, nullable=False, index=True),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True, comment="RFC 7638 thumbprint"),
    Column("alg", String(8), nullable=False),
    Column("private_jwk", Text, nullable=False, comment="sealed"),
    Column("created_at", UtcDateTime, nullable=False),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", String(48), nullable=False),
    Column("account_id", _ID, comment="whose account; no foreign key: the line outlives it"),
    Column("actor_id", _ID, comment="the assistant who acted"),
    Column("client_id", String(120)),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_event_account_id_at", "account_id", "at"),
)

ephemeral = Table(
    "ephemeral",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
