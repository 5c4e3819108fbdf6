"""The UserInfo endpoint (OpenID Connect Core §5.3): what was granted of the person, while the grant still counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from idp.accounts.grants import Grant
from idp.accounts.party import Party
from idp.clients.model import Client
from idp.clock import Clock
from idp.oidc.principal import actor_claims
from idp.oidc.standing import Bearers, NotGood
from idp.oidc.tokens import TokenMint
from idp.oidc.userinfo.bearer import BadRequest, bearer_token, challenge
from idp.oidc.userinfo.person_claims import PersonClaims

_FOR_PAGES = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Expose-Headers": "WWW-Authenticate",
    "Access-Control-Max-Age": "3600",
}
"""Pages of any origin may ask (Core §5.3): no cookie counts here, and whoever holds a token could ask anywhere."""


@dataclass(frozen=True)
class UserInfo:
    """Answers GET and POST, as JSON or signed where the client's file says so."""

    bearers: Bearers
    clock: Clock
    mint: TokenMint
    person_claims: PersonClaims

    def respond(self, request: Request) -> Response:
        """Answer a request that brings an access token, or the question whether a page may make one."""
        response = Response(status=204) if request.method == "OPTIONS" else self._answer(request)
        response.headers.update(_FOR_PAGES)
        return response

    def _answer(self, request: Request) -> Response:
        try:
            token = bearer_token(request)
        except BadRequest as error:
            return challenge("invalid_request", str(error), error.status)
        if token is None:
            return challenge("", "")
        try:
            found = self.bearers.of(token, self.clock.now())
        except NotGood as error:
            return challenge("invalid_token", str(error))
        if "openid" not in found.scope:
            return challenge("insufficient_scope", "the scope openid is needed", 403, scope="openid")
        return self._told(found.client, self._claims(found.client, found.grant, found.party, found.scope))

    def _claims(self, client: Client, grant: Grant, party: Party, scope: frozenset[str]) -> dict[str, Any]:
        subject = self.mint.subjects.as_known_to(client)
        return {
            **self.person_claims.of_scope(scope, party),
            **self.person_claims.asked((grant.claims or {}).get("userinfo", ()), client, party),
            "sub": subject(party.account.sub),
            **actor_claims(party.actor, subject),
        }

    def _told(self, client: Client, claims: dict[str, Any]) -> Response:
        """Return the answer as the client's file wants it (Core §5.3.2)."""
        alg = client.userinfo_signed_response_alg
        if alg is None:
            response = Response(json.dumps(claims), content_type="application/json")
        else:
            named = {**claims, "iss": self.mint.issuer, "aud": client.client_id}
            # A type of its own: what userinfo signs must not pass for an ID token, as a hint for instance.
            signed = self.mint.signed(alg, "userinfo+jwt", named)
            response = Response(signed, content_type="application/jwt")
        response.headers["Cache-Control"] = "no-store"
        return response
