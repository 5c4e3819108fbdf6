"""A token for another (RFC 8693): a service calls the next one for whom it serves, with less and never with more."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
)
from sqlalchemy import Connection
from sqlalchemy.exc import NoResultFound

from idp.accounts.grants import Grant, hold_live_party, owner_of, take
from idp.accounts.party import Party
from idp.audit.events import Event, record
from idp.clients.model import TOKEN_EXCHANGE, Client
from idp.oidc.grants.issuing import Issuing, TokenGrant
from idp.oidc.grants.narrowing import agreed, most
from idp.oidc.principal import Principal, acting_services
from idp.oidc.resources import Audience, InvalidTargetError, Resources
from idp.oidc.revoked_tokens import RevokedTokens
from idp.oidc.tokens import AccessToken, BadToken

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
_TAKEN = frozenset({ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"})
"""What our access tokens may be called (RFC 8693 §3): they are JWTs."""

MOST_ACTORS = 4
"""How deep ``act`` may nest."""


@dataclass(frozen=True)
class _Wish:
    """What a client wants for a token."""

    subject: AccessToken
    grant_id: str
    audience: Audience
    scope: str | None
    services: tuple[str, ...]


def token_exchange_grant(issuing: Issuing, revoked: RevokedTokens) -> type[TokenGrant]:
    """Return the grant class that Authlib makes an object of for each request.

    Only confidential clients have this grant type: a client file that says otherwise is refused.
    """

    class TokenExchangeGrant(TokenGrant):
        GRANT_TYPE = TOKEN_EXCHANGE

        def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
            if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
                raise InvalidRequestError("requested_token_type can only be an access token")
            now = issuing.clock.now()
            subject = _read(issuing, form, "subject_token", now)
            grant_id = subject.grant_id
            if grant_id is None:
                raise InvalidRequestError("subject_token is about no person")
            try:
                _check_meant_for(client, subject)
                services = _services(issuing, revoked, client, subject, form, now)
                audience = _audience(
                    issuing.resources, client, [*self.every("audience"), *self.every("resource")]
                )
                wish = _Wish(subject, grant_id, audience, form.get("scope"), services)
                return _exchanged(issuing, client, wish, now)
            except OAuth2Error as refusal:
                _note_refusal(issuing, client, grant_id, refusal, now)
                raise

    return TokenExchangeGrant


def _read(issuing: Issuing, form: dict[str, str], name: str, now: datetime) -> AccessToken:
    """Return an access token of ours that verifies. Raises ``InvalidRequestError`` (RFC 8693 §2.2.2)."""
    token = form.get(name)
    if token is None:
        raise InvalidRequestError(f"{name} is missing")
    if form.get(f"{name}_type") not in _TAKEN:
        raise InvalidRequestError(f"{name}_type must be the one of an access token")
    try:
        return issuing.mint.read_access_token(token, now)
    except BadToken as error:
        raise InvalidRequestError(f"{name} is malformed, expired or not an access token of ours") from error


def _check_meant_for(client: Client, subject: AccessToken) -> None:
    if (
        subject.claims.get("client_id") != client.client_id
        and client.resource_identifier not in subject.audience
    ):
        raise InvalidRequestError("subject_token was neither issued to this client nor for its API")


def _services(
    issuing: Issuing,
    revoked: RevokedTokens,
    client: Client,
    subject: AccessToken,
    form: dict[str, str],
    now: datetime,
) -> tuple[str, ...]:
    """Return the services that act, this client before those of the subject where it shows a token of its own.

    Nobody else can be made an actor: people act for each other by a delegation alone. Raises ``InvalidRequestError``.
    """
    before = acting_services(subject.claims)
    if "actor_token" not in form:
        if "actor_token_type" in form:
            raise InvalidRequestError("actor_token_type goes with actor_token")
        return before
    actor = _read(issuing, form, "actor_token", now)
    if actor.grant_id is not None or actor.claims.get("sub") != client.client_id or revoked.holds(actor):
        raise InvalidRequestError("actor_token must be what this client got by its own client_credentials")
    if len(before) + ("delegation" in subject.claims) >= MOST_ACTORS:
        raise InvalidRequestError(f"act would nest deeper than {MOST_ACTORS}")
    return (client.client_id, *before)


def _audience(resources: Resources, client: Client, named: Sequence[str]) -> Audience:
    """Return whom the new token is for: services by their client_id, or APIs. Raises ``InvalidTargetError``."""
    if not named:
        raise InvalidTargetError("audience or resource is missing")
    services = [resources.clients.get(name) for name in named]
    identifiers = [
        service.resource_identifier if service else name
        for name, service in zip(named, services, strict=True)
    ]
    wanted = tuple(one for one in dict.fromkeys(identifiers) if one and resources.service(client, one))
    if len(wanted) < len(set(identifiers)):
        raise InvalidTargetError(
            "audience and resource may name only APIs that the configuration of this client lists"
        )
    return resources.audience(client, wanted)


def _exchanged(issuing: Issuing, client: Client, wish: _Wish, now: datetime) -> dict[str, Any]:
    """Return the answer: four statements in one transaction. Raises ``OAuth2Error``.

    A revocation of what is exchanged waits for the new grant and takes it along, or came before it.
    """
    ends = min(int((now + issuing.mint.lifetime).timestamp()), int(wish.subject.claims["exp"]))
    with issuing.database.write() as connection:
        parent, present = _held(connection, issuing, client, wish, now)
        issuing.check_target(wish.audience, present, parent.proofs, now)
        if not agreed(client, parent, wish.audience):
            raise InvalidTargetError(
                "consent is only to APIs that the authorization request named as resource"
            )
        scope = _scope(client, wish, parent)
        grant = Grant(
            id=secrets.token_hex(32),
            client_id=client.client_id,
            account_id=parent.account_id,
            delegation_id=parent.delegation_id,
            sid=parent.sid,
            scope=scope,
            proofs=parent.proofs,
            generation=0,
            created_at=now,
            expires_at=datetime.fromtimestamp(ends, UTC),
            resource=wish.audience.identifiers,
            parent_id=parent.id,
        )
        take(connection, grant)
        record(
            connection,
            Event.TOKENS_EXCHANGED,
            now,
            account_id=parent.account_id,
            actor_id=present.actor.sub if present.actor else None,
            client_id=client.client_id,
            detail={
                "grant": grant.id,
                "parent": parent.id,
                "audience": list(wish.audience.identifiers),
                "scope": scope,
                "services": list(wish.services),
            },
        )
    principal = Principal(present, parent.proofs, parent.sid, wish.services)
    audience = wish.audience
    return {
        "access_token": issuing.mint.access_token(
            client, grant.id, scope, principal, now, audience.identifiers, audience.reader, ends
        ),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": ends - int(now.timestamp()),
        "scope": scope,
    }


def _held(
    connection: Connection, issuing: Issuing, client: Client, wish: _Wish, now: datetime
) -> tuple[Grant, Party]:
    """Return what stands behind the subject, while it counts at the service that signed in and at this one.

    Raises ``InvalidRequestError``.
    """
    held = hold_live_party(connection, wish.grant_id, now)
    owner = issuing.resources.clients.get(held[0].client_id) if held else None
    if held is None or owner is None:
        raise InvalidRequestError("subject_token no longer counts")
    if not all(issuing.admitted(service, held[1], held[0].proofs, now) for service in (owner, client)):
        raise InvalidRequestError("the sign-in behind subject_token does not count here")
    return held


def _scope(client: Client, wish: _Wish, parent: Grant) -> str:
    """Return the scope of the new token: what is asked, else all that may be. Raises ``InvalidScopeError``."""
    allowed = most(client, wish.subject, parent.scope.split(" "), wish.audience)
    words = sorted(allowed) if wish.scope is None else list(dict.fromkeys(wish.scope.split(" ")))
    if not allowed.issuperset(words):
        raise InvalidScopeError("an exchange cannot widen the scope")
    if not words and wish.audience.scopes:
        raise InvalidScopeError("subject_token is good for nothing at this audience")
    return " ".join(words)


def _note_refusal(
    issuing: Issuing, client: Client, grant_id: str, refusal: OAuth2Error, now: datetime
) -> None:
    """Write that a token of ours was not exchanged, unless its grant was cleared away."""
    with suppress(NoResultFound), issuing.database.write() as connection:
        account_id, actor_id = owner_of(connection, grant_id)
        record(
            connection,
            Event.EXCHANGE_REFUSED,
            now,
            account_id=account_id,
            actor_id=actor_id,
            client_id=client.client_id,
            detail={"grant": grant_id, "why": refusal.error, "description": refusal.description},
        )
