"""Who there is, who acts for whom, and what each has to prove it."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, String, Table, Text

from idp.storage.schema.common import ID, metadata
from idp.storage.types import UtcDateTime

person = Table(
    "person",
    metadata,
    Column("id", ID, primary_key=True, comment="public subject: `sub`, or `act.sub` of an assistant"),
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
    Column("id", ID, primary_key=True),
    Column("person_id", ID, ForeignKey("person.id"), nullable=False, index=True, comment="the holder"),
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
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("person_id", ID, ForeignKey("person.id"), nullable=False, index=True, comment="the assistant"),
    Column("valid_from", UtcDateTime, nullable=False, comment="inclusive"),
    Column("valid_until", UtcDateTime, comment="exclusive; null: open"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", ID, ForeignKey("person.id")),
    Column("not_before", UtcDateTime, comment="what was proved before no longer counts"),
    Column("last_used_at", UtcDateTime),
    Column("last_used_for", String(120), comment="name of the service"),
    Column("password", Text, comment="the assistant's own PHC string; null: the practice's"),
    Column("reminded_for", UtcDateTime, comment="the end that the practitioner was reminded of"),
    Column(
        "linked_from",
        ID,
        ForeignKey("delegation.id"),
        comment="where the same person signs in for this one too",
    ),
)

authenticator = Table(
    "authenticator",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", ID, ForeignKey("delegation.id"), index=True, comment="null: the holder's own"),
    Column("kind", String(16), nullable=False),
    Column("secret", Text, comment="sealed, bound to account and row; gone once the delegation is removed"),
    Column("last_step", BigInteger, comment="last time step accepted; none older or equal ever is again"),
    Column("created_at", UtcDateTime, nullable=False),
)

activation_code = Table(
    "activation_code",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True, comment="one at a time"),
    Column("digest", String(120), nullable=False, comment="keyed: see accounts.one_time_codes"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("digest", String(120), nullable=False, comment="keyed: see accounts.one_time_codes"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

single_use_link = Table(
    "single_use_link",
    metadata,
    Column("token", String(64), primary_key=True, comment="SHA-256 of what the mail carries"),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("state", String(64), nullable=False, comment="digest of the account's state when it was made"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

recovery_request = Table(
    "recovery_request",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(16), nullable=False, comment="what was forgotten: password or identifier"),
    Column("typed", Text, nullable=False, comment="sealed, bound to the row; the account may not exist"),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

device = Table(
    "device",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("delegation_id", ID, ForeignKey("delegation.id"), index=True, comment="who made it known"),
    Column("token", String(64), nullable=False, index=True, comment="SHA-256 of what the browser keeps"),
    Column("label", String(120), nullable=False, comment="browser and system, in words"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
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
