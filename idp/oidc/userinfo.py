"""The UserInfo endpoint (OpenID Connect Core §5.3): the claims of the granted scope, while the grant still counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from idp.accounts.grants import Grant, live_party
from idp.accounts.party import Party
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.oidc.grants.issuing import Issuing
from idp.oidc.principal import actor_claims
from idp.oidc.tokens import BadToken, TokenMint
from idp.plugins import Plugins
from idp.rules.claims import released
from idp.storage.database import Database


@dataclass(frozen=True)
class UserInfo:
    """Answers with one statement: grant, account and delegation are looked at together."""

    database: Database
    clock: Clock
    clients: ClientRegistry
    mint: TokenMint
    plugins: Plugins
    issuing: Issuing

    def respond(self, request: Request) -> Response:
        """Answer GET or POST with a bearer token in the header (RFC 6750 §2.1)."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _challenge("")
        try:
            read = self.mint.read_access_token(token.strip(), self.clock.now())
        except BadToken:
            read = None
        if read is None or read.grant_id is None or read.audience != (self.mint.issuer,):
            return _challenge(
                "invalid_token", "the access token is malformed, expired or not for this resource"
            )
        found = self._live(read.grant_id)
        client = self.clients.get(found[0].client_id) if found else None
        if found is None or client is None or not self._still_admitted(client, *found):
            return _challenge("invalid_token", "the access token no longer counts")
        scope = client.scope & read.scope
        if "openid" not in scope:
            return _challenge("insufficient_scope", "the scope openid is needed", 403)
        return _json(self._claims(client, found[1], scope), 200)

    def _live(self, grant_id: str) -> tuple[Grant, Party] | None:
        with self.database.read() as connection:
            return live_party(connection, grant_id, self.clock.now())

    def _still_admitted(self, client: Client, grant: Grant, party: Party) -> bool:
        """Say whether the sign-in would still do: once a phone is activated, a password alone does not."""
        return self.issuing.admitted(client, party, grant.proofs, self.clock.now())

    def _claims(self, client: Client, party: Party, scope: frozenset[str]) -> dict[str, Any]:
        subject = self.mint.subjects.as_known_to(client)
        attributes = {"name": party.account.name, **party.account.attributes}
        return {
            **released(scope, attributes),
            **self.plugins.claims_for(scope, attributes),
            "sub": subject(party.account.sub),
            **actor_claims(party.actor, subject),
        }


def _challenge(error: str, description: str = "", status: int = 401) -> Response:
    """Return an RFC 6750 §3 challenge; without any token it names no error."""
    told = f' error="{error}", error_description="{description}"' if error else ""
    response = _json({"error": error, "error_description": description} if error else {}, status)
    response.headers["WWW-Authenticate"] = f'Bearer realm="userinfo"{"," if told else ""}{told}'
    return response


def _json(body: dict[str, Any], status: int) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
