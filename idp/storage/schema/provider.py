"""The provider's own: keys, audit, short-lived values."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from idp.storage.schema.common import ID, metadata
from idp.storage.types import UtcDateTime

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True, comment="RFC 7638 thumbprint"),
    Column("alg", String(8), nullable=False),
    Column("private_jwk", Text, nullable=False, comment="sealed"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("activates_at", UtcDateTime, comment="signs from then on, until the next one does; null: at once"),
    Column("retired_at", UtcDateTime, comment="neither published nor believed any more"),
)

provider_secret = Table(
    "provider_secret",
    metadata,
    Column("name", String(32), primary_key=True, comment="what it is for"),
    Column("sealed", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

revoked_token = Table(
    "revoked_token",
    metadata,
    Column(
        "jti", String(64), primary_key=True, comment="of a service's own token, which no grant stands behind"
    ),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", String(48), nullable=False),
    Column("account_id", ID, comment="whose account; no foreign key: the line outlives it"),
    Column("actor_id", ID, comment="the assistant who acted"),
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
