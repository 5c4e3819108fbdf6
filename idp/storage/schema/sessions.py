"""Who is signed in, what services were given, and who is to be told."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from idp.storage.schema.common import ID, STILL_WAITS, metadata
from idp.storage.types import UtcDateTime

signed_in_session = Table(
    "signed_in_session",
    metadata,
    Column("sid", String(64), primary_key=True, comment="as in tokens; not the cookie"),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", ID, ForeignKey("delegation.id"), index=True),
    Column(
        "via_delegation_id",
        ID,
        ForeignKey("delegation.id"),
        index=True,
        comment="signed in by, at another practice",
    ),
    Column("device", String(120), nullable=False, comment="browser and system, in words"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True, comment="at the latest"),
)

ended_session = Table(
    "ended_session",
    metadata,
    Column(
        "sid", String(64), primary_key=True, comment="a code issued before the end gives nothing after it"
    ),
    Column("ended_at", UtcDateTime, nullable=False, index=True),
)

journal_entry = Table(
    "journal_entry",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False),
    Column("person_id", ID, ForeignKey("person.id"), nullable=False, index=True, comment="who"),
    Column("sid", String(64), nullable=False),
    Column("client_id", String(120), nullable=False, comment="empty: the provider's own pages"),
    Column("service", String(120), nullable=False, comment="its name then"),
    Column("device", String(120), nullable=False, comment="browser and system, in words"),
    Index("ix_journal_entry_account_id_id", "account_id", "id"),
    Index("ix_journal_entry_sid_client_id", "sid", "client_id", unique=True),
)

consent = Table(
    "consent",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column(
        "person_id", ID, ForeignKey("person.id"), primary_key=True, comment="who agreed: holder or assistant"
    ),
    Column("client_id", String(120), primary_key=True),
    Column("scope", Text, nullable=False, comment="what was agreed to, words in order"),
    Column("given_at", UtcDateTime, nullable=False),
)

token_grant = Table(
    "token_grant",
    metadata,
    Column(
        "id", String(64), primary_key=True, comment="SHA-256 of client and code: its insert spends the code"
    ),
    Column(
        "parent_id",
        String(64),
        index=True,
        comment="the grant that it was exchanged for (RFC 8693), and ends with",
    ),
    Column("client_id", String(120), nullable=False),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", ID, ForeignKey("delegation.id"), index=True),
    Column("sid", String(64), nullable=False, index=True),
    Column("scope", Text, nullable=False),
    Column(
        "resource",
        JSON(none_as_null=True),
        comment="[identifier, …] that tokens may be for (RFC 8707); null: the provider's own",
    ),
    Column(
        "claims",
        JSON(none_as_null=True),
        comment="asked for one by one (Core §5.5): {userinfo: […], id_token: […]}",
    ),
    Column("proofs", JSON, nullable=False, comment="[[method, seconds], …]"),
    Column("generation", Integer, nullable=False, comment="of the refresh token that is good now"),
    Column("rotated_at", UtcDateTime, comment="when the generation before was spent"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
)

backchannel_logout = Table(
    "backchannel_logout",
    metadata,
    Column("id", ID, primary_key=True, comment="the `jti` of each attempt's logout token"),
    Column("sid", String(64), nullable=False),
    Column("client_id", String(120), nullable=False),
    Column("account_id", ID, ForeignKey("account.id"), index=True, comment="null: erased before it was told"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, comment="not tried before; a lease moves it on"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="that failed"),
    Column("sent_at", UtcDateTime),
    Column("given_up_at", UtcDateTime),
    Index("ix_backchannel_logout_sid_client_id", "sid", "client_id", unique=True),
    Index(
        "ix_backchannel_logout_due_at",
        "due_at",
        sqlite_where=text(STILL_WAITS),
        postgresql_where=text(STILL_WAITS),
    ),
)

notice = Table(
    "notice",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
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
    Index("ix_notice_due_at", "due_at", sqlite_where=text(STILL_WAITS), postgresql_where=text(STILL_WAITS)),
)
