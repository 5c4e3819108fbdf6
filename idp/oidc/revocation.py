"""Revocation (RFC 7009): a client gives a token back, and everything of its grant is dead."""

from __future__ import annotations

from dataclasses import dataclass

from authlib.oauth2.rfc6749 import InvalidRequestError

from idp.accounts.grants import owner_of, revoke
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.oidc.grants.issuing import Issuing
from idp.oidc.revoked_tokens import RevokedTokens
from idp.oidc.tokens import AccessToken, BadToken


@dataclass(frozen=True)
class Revocation:
    """Takes tokens back. What a token is shows in its form, so that ``token_type_hint`` is never needed (§2.1)."""

    issuing: Issuing
    revoked: RevokedTokens

    def answer(self, client: Client, token: str) -> None:
        """Revoke the client's own token; what is unknown is done with already (§2.2).

        Raises ``InvalidRequestError`` for an access token of another client. Another's refresh token is like one that
        never was: it can only be read for its own client. Nothing changes by either.
        """
        refresh = self.issuing.refresh_tokens.read(client.client_id, token)
        if refresh is not None:
            self._end(client, refresh[0])
            return
        try:
            read = self.issuing.mint.read_access_token(token, self.issuing.clock.now())
        except BadToken:
            return
        if read.claims.get("client_id") != client.client_id:
            raise InvalidRequestError("the token was issued to another client")
        if read.grant_id is not None:
            self._end(client, read.grant_id)
        else:
            self._take_back(client, read)

    def _end(self, client: Client, grant_id: str) -> None:
        now = self.issuing.clock.now()
        with self.issuing.database.write() as connection:
            if revoke(connection, grant_id, now):
                account_id, actor_id = owner_of(connection, grant_id)
                record(
                    connection,
                    Event.TOKENS_REVOKED,
                    now,
                    account_id=account_id,
                    actor_id=actor_id,
                    client_id=client.client_id,
                    detail={"grant": grant_id},
                )

    def _take_back(self, client: Client, read: AccessToken) -> None:
        now = self.issuing.clock.now()
        with self.issuing.database.write() as connection:
            if self.revoked.add(connection, read):
                detail = {"token": read.claims["jti"]}
                record(connection, Event.TOKENS_REVOKED, now, client_id=client.client_id, detail=detail)
