"""A refresh token for tokens (RFC 6749 §6): rotated at each use; an older one ends the grant (RFC 9700 §4.14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
)
from sqlalchemy import Connection

from idp.accounts.grants import Grant, owner_of, revoke, rotate, rotated_since
from idp.accounts.party import Party, party
from idp.audit.events import Event, record
from idp.clients.model import Client
from idp.oidc.grants.issuing import Issuing, TokenGrant
from idp.oidc.principal import Principal
from idp.oidc.resources import Audience

GRACE = timedelta(seconds=10)
"""For so long the same successor is sent again: an answer may have been lost on the way."""


@dataclass(frozen=True)
class _Asked:
    """What the new access token is to be narrowed to."""

    scope: str | None
    resource: tuple[str, ...]


@dataclass(frozen=True)
class _Outcome:
    """What the transaction decided: tokens for a party, or the end."""

    grant: Grant | None = None
    party: Party | None = None
    audience: Audience | None = None


def refresh_token_grant(issuing: Issuing) -> type[TokenGrant]:
    """Return the grant class that Authlib makes an object of for each request."""

    class RefreshTokenGrant(TokenGrant):
        GRANT_TYPE = "refresh_token"

        def is_open_to(self, client: Client) -> bool:
            return "offline_access" in client.scope

        def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
            token = form.get("refresh_token")
            if not token:
                raise InvalidRequestError("refresh_token is missing")
            read = issuing.refresh_tokens.read(client.client_id, token)
            if read is None:
                raise InvalidGrantError("the refresh token was not issued to this client")
            resource = issuing.resources.named(client, self.every("resource"))
            return _refreshed(issuing, client, *read, _Asked(form.get("scope"), resource))

    return RefreshTokenGrant


def _refreshed(
    issuing: Issuing, client: Client, grant_id: str, generation: int, asked: _Asked
) -> dict[str, Any]:
    """Rotate and return the answer. At most three statements, one transaction. Raises OAuth errors."""
    now = issuing.clock.now()
    with issuing.database.write() as connection:
        outcome = _rotated(connection, issuing, client, grant_id, generation, asked, now)
    if outcome.grant is None or outcome.party is None or outcome.audience is None:
        raise InvalidGrantError("the refresh token no longer counts")
    grant = outcome.grant
    return issuing.tokens(
        client,
        Principal(outcome.party, grant.proofs, grant.sid),
        grant.id,
        asked.scope or grant.scope,
        None,
        generation + 1,
        now,
        grant.expires_at,
        outcome.audience,
        grant.claims,
    )


def _rotated(
    connection: Connection,
    issuing: Issuing,
    client: Client,
    grant_id: str,
    generation: int,
    asked: _Asked,
    now: datetime,
) -> _Outcome:
    grant = rotate(connection, grant_id, generation, now)
    again = grant is None
    if grant is None:
        grant = rotated_since(connection, grant_id, generation, now - GRACE, now)
    if grant is None:
        if revoke(connection, grant_id, now):
            _note(connection, Event.REFRESH_REPLAYED, client, grant_id, now)
        return _Outcome()
    # What is raised inside the transaction undoes the rotation: the token stays good.
    audience = issuing.resources.of_grant(client, grant.resource, asked.resource)
    if asked.scope is not None and not set(asked.scope.split(" ")) <= set(grant.scope.split(" ")):
        raise InvalidScopeError("a refresh cannot widen the scope")
    present = party(connection, grant.account_id, grant.delegation_id, now)
    if present is None or not issuing.admitted(client, present, grant.proofs, now):
        revoke(connection, grant_id, now)
        _note(connection, Event.GRANT_ENDED, client, grant_id, now)
        return _Outcome()
    issuing.check_target(audience, present, grant.proofs, now)
    if not again:
        _note(connection, Event.TOKENS_REFRESHED, client, grant_id, now, present)
    return _Outcome(grant, present, audience)


def _note(
    connection: Connection,
    event: Event,
    client: Client,
    grant_id: str,
    now: datetime,
    present: Party | None = None,
) -> None:
    if present is None:
        account_id, actor_id = owner_of(connection, grant_id)
    else:
        account_id, actor_id = present.account.id, present.actor.sub if present.actor else None
    record(
        connection,
        event,
        now,
        account_id=account_id,
        actor_id=actor_id,
        client_id=client.client_id,
        detail={"grant": grant_id},
    )
