"""What every grant needs to answer with tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin, UnsupportedGrantTypeError

from idp.accounts.party import Party
from idp.clients.model import Client
from idp.clock import Clock
from idp.oidc.authorization.relying_party import demand_of
from idp.oidc.codes import CodeStore
from idp.oidc.principal import Principal
from idp.oidc.refresh_tokens import RefreshTokens
from idp.oidc.tokens import TokenMint
from idp.rules.assurance import Policy, Proof
from idp.rules.next_step import Step, next_step
from idp.storage.database import Database


class TokenGrant(BaseGrant, TokenEndpointMixin):
    """A grant of the token endpoint: exactly one client authentication, then its own answer."""

    def validate_token_request(self) -> None:
        """Authenticate the client. Raises ``InvalidClientError`` or ``InvalidRequestError``."""
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> tuple[int, Any, list[tuple[str, str]]]:
        """Return status, body and headers as Authlib's server sends them."""
        return 200, self.answer(cast("Client", self.request.client), self.request.form), []

    def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
        """Return the body for an authenticated client. Raises ``OAuth2Error``."""
        raise UnsupportedGrantTypeError(form.get("grant_type"))


@dataclass(frozen=True)
class Issuing:
    """The services behind the token endpoint."""

    database: Database
    clock: Clock
    codes: CodeStore
    mint: TokenMint
    refresh_tokens: RefreshTokens
    refresh_lifetime: timedelta
    profile_policies: Mapping[str, Policy]
    own_passwords: bool
    """Assistants sign in with a password of their own (``assistants_sign_in``)."""

    def admitted(self, client: Client, party: Party | None, proofs: tuple[Proof, ...], now: datetime) -> bool:
        """Say whether the rule that let somebody sign in would still let them in: policy, profile, delegation."""
        if party is None:
            return False
        standing = party.standing(proofs, earlier=True)
        step = next_step(
            demand_of(client), standing, self.profile_policies, now, own_passwords=self.own_passwords
        )
        return step is Step.ADMITTED

    def tokens(
        self,
        client: Client,
        principal: Principal,
        grant_id: str,
        scope: str,
        nonce: str | None,
        generation: int | None,
        now: datetime,
    ) -> dict[str, Any]:
        """Return the body of a token answer; with ``generation`` it holds that refresh token.

        A scope that the client's file no longer allows is left out.
        """
        scope = " ".join(word for word in dict.fromkeys(scope.split(" ")) if word in client.scope)
        access_token = self.mint.access_token(client, grant_id, scope, principal, now)
        body: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(self.mint.lifetime.total_seconds()),
            "scope": scope,
        }
        if "openid" in scope.split(" "):
            body["id_token"] = self.mint.id_token(client, principal, access_token, nonce, now)
        if generation is not None:
            body["refresh_token"] = self.refresh_tokens.token(client.client_id, grant_id, generation)
        return body
