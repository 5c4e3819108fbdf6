"""Access tokens that no grant stands behind, revoked one by one: remembered until they would have ended anyway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.oidc.tokens import AccessToken
from idp.storage.database import Database
from idp.storage.schema import revoked_token


@dataclass(frozen=True)
class RevokedTokens:
    """Remembers the ``jti`` of tokens that a client got for itself and gave back. One statement an operation."""

    database: Database

    def add(self, connection: Connection, token: AccessToken) -> bool:
        """Let the token count no longer; false when it did not before. Atomic."""
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        expires_at = datetime.fromtimestamp(token.claims["exp"], UTC)
        line = insert(revoked_token).values(jti=token.claims["jti"], expires_at=expires_at)
        added = line.on_conflict_do_nothing().returning(revoked_token.c.jti)
        return connection.execute(added).one_or_none() is not None

    def holds(self, token: AccessToken) -> bool:
        """Say whether the token was revoked."""
        wanted = select(revoked_token.c.jti).where(revoked_token.c.jti == token.claims["jti"])
        with self.database.read() as connection:
            return connection.execute(wanted).one_or_none() is not None
