"""A client's credentials for a token of its own (RFC 6749 §4.4): for APIs, never about a person."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError

from idp.audit.batches import AuditBatches
from idp.audit.events import Event
from idp.clients.model import Client
from idp.oidc.grants.issuing import Issuing, TokenGrant
from idp.oidc.resources import InvalidTargetError, Resources


def client_credentials_grant(issuing: Issuing, audit: AuditBatches) -> type[TokenGrant]:
    """Return the grant class that Authlib makes an object of for each request; no request costs a statement."""

    resources = issuing.resources

    class ClientCredentialsGrant(TokenGrant):
        GRANT_TYPE = "client_credentials"

        def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
            named = resources.named(client, self.every("resource"))
            apis = _apis(resources, client, named)
            scope = _scope(client, apis, resources.identity_scopes, form.get("scope"))
            audience = [identifier for identifier, words in apis.items() if not words.isdisjoint(scope)]
            if len(audience) < len(named):
                raise InvalidScopeError("scope has no word of one of the resources")
            return _issued(issuing, audit, client, " ".join(scope), audience)

    return ClientCredentialsGrant


def _apis(resources: Resources, client: Client, named: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the scopes of each API that is named, else of each that the client may ask tokens for.

    Raises ``InvalidTargetError`` for the provider itself, which speaks of people only.
    """
    services = {one: resources.service(client, one) for one in named or client.resources}
    found = {one: service.resource_scopes for one, service in services.items() if service is not None}
    if len(found) < len(named):
        raise InvalidTargetError("no person signed in: a token is given for APIs only")
    return found


def _scope(
    client: Client, apis: dict[str, frozenset[str]], about_people: frozenset[str], asked: str | None
) -> Sequence[str]:
    """Return the words granted: those asked for, by default all that may be. Raises ``InvalidScopeError``."""
    allowed = (frozenset[str]().union(*apis.values()) & client.scope) - about_people
    words = sorted(allowed) if asked is None else list(dict.fromkeys(asked.split(" ")))
    if not words or not allowed.issuperset(words):
        raise InvalidScopeError(
            "scope may hold only scopes of the APIs that the configuration of this client lists"
        )
    return words


def _issued(
    issuing: Issuing, audit: AuditBatches, client: Client, scope: str, audience: Sequence[str]
) -> dict[str, Any]:
    """Return the answer. Raises ``StorageUnavailable`` when the audit takes no line: then no token is made."""
    now = issuing.clock.now()
    token_id = secrets.token_urlsafe(16)
    detail = {"scope": scope, "token": token_id}
    audit.record(Event.CLIENT_TOKENS_ISSUED, now, client_id=client.client_id, detail=detail)
    return {
        "access_token": issuing.mint.client_access_token(client, token_id, scope, audience, now),
        "token_type": "Bearer",
        "expires_in": int(issuing.mint.lifetime.total_seconds()),
        "scope": scope,
    }
