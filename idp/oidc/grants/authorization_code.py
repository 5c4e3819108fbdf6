"""A code for tokens (RFC 6749 §4.1.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError

from idp.clients.model import Client
from idp.oidc.grants.issuing import Issuing, TokenGrant
from idp.oidc.grants.redemption import read_code, redeem


def authorization_code_grant(issuing: Issuing) -> type[TokenGrant]:
    """Return the grant class that Authlib makes an object of for each request."""

    class AuthorizationCodeGrant(TokenGrant):
        GRANT_TYPE = "authorization_code"

        def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
            code = form.get("code")
            if not code:
                raise InvalidRequestError("code is missing")
            contents = read_code(
                issuing, client, code, form.get("redirect_uri", ""), form.get("code_verifier")
            )
            asked = issuing.resources.named(client, self.every("resource"))
            audience = issuing.resources.of_grant(client, contents.resource, asked)
            with_refresh = "offline_access" in contents.scope.split(" ")
            lifetimes = (issuing.mint.lifetime, issuing.refresh_lifetime if with_refresh else timedelta(0))
            ends = issuing.clock.now() + max(lifetimes)
            redeemed = redeem(issuing, client, code, contents, ends, audience)
            return issuing.tokens(
                client,
                redeemed.principal,
                redeemed.grant.id,
                contents.scope,
                contents.nonce,
                0 if with_refresh else None,
                redeemed.grant.created_at,
                redeemed.grant.expires_at,
                audience,
                contents.claims,
            )

    return AuthorizationCodeGrant
