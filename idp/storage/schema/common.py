"""What the tables share. Columns that hold a moment are UTC; identifiers are random and never reused."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID: Final = String(32)
STILL_WAITS: Final = "sent_at IS NULL AND given_up_at IS NULL"
"""Of an outbox, the rows that a worker looks for."""
