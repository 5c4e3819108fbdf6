"""What every grant needs to answer with tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from idp.accounts.party import Party
from idp.clients.model import Client
from idp.clock import Clock
from idp.oidc.authorization.relying_party import demand_of
from idp.oidc.client_endpoint import ClientRequest
from idp.oidc.codes import CodeStore
from idp.oidc.principal import Principal
from idp.oidc.refresh_tokens import RefreshTokens
from idp.oidc.resources import Audience, InvalidTargetError, Resources
from idp.oidc.tokens import TokenMint
from idp.oidc.userinfo.person_claims import PersonClaims
from idp.rules.assurance import Policy, Proof
from idp.rules.next_step import Step, next_step
from idp.storage.database import Database


class TokenGrant(BaseGrant, TokenEndpointMixin, ABC):
    """A grant of the token endpoint: exactly one client authentication, then its own answer."""

    def validate_token_request(self) -> None:
        """Authenticate the client, whose file must name the grant. Raises ``OAuth2Error``."""
        client = self.authenticate_token_endpoint_client()
        if not self.is_open_to(cast("Client", client)):
            raise UnauthorizedClientError("the configuration of this client does not allow this grant type")
        self.request.client = client

    def is_open_to(self, client: Client) -> bool:
        """Say whether the client's file names this grant."""
        return self.GRANT_TYPE in client.grant_types

    def create_token_response(self) -> tuple[int, Any, list[tuple[str, str]]]:
        """Return status, body and headers as Authlib's server sends them."""
        return 200, self.answer(cast("Client", self.request.client), self.request.form), []

    def every(self, name: str) -> list[str]:
        """Return each value of a parameter that may repeat."""
        return cast("ClientRequest", self.request).payload.datalist[name]

    @abstractmethod
    def answer(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
        """Return the body for an authenticated client. Raises ``OAuth2Error``."""


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
    person_claims: PersonClaims
    resources: Resources

    def admitted(self, client: Client, party: Party | None, proofs: tuple[Proof, ...], now: datetime) -> bool:
        """Say whether the rule that let somebody sign in would still let them in: policy, profile, delegation."""
        if party is None:
            return False
        standing = party.standing(proofs, earlier=True)
        step = next_step(
            demand_of(client), standing, self.profile_policies, now, own_passwords=self.own_passwords
        )
        return step is Step.ADMITTED

    def check_target(
        self, audience: Audience, party: Party, proofs: tuple[Proof, ...], now: datetime
    ) -> None:
        """Raise ``InvalidTargetError`` unless each API that a token would be for admits ``party`` as a service does."""
        if not all(self.admitted(service, party, proofs, now) for service in audience.services):
            raise InvalidTargetError("a resource does not admit this person, or not by this sign-in")

    def tokens(
        self,
        client: Client,
        principal: Principal,
        grant_id: str,
        scope: str,
        nonce: str | None,
        generation: int | None,
        now: datetime,
        ends: datetime,
        audience: Audience,
        claims: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the body of a token answer; with ``generation`` it holds that refresh token.

        No token outlives ``ends``, the grant's own end: what stands behind it is cleared away then.

        ``claims`` are those asked for one by one, as the grant keeps them: those of its ``id_token`` go there.

        A scope that the client's file no longer allows is left out, and of the access token what its audience does
        not know.
        """
        granted = [word for word in scope.split(" ") if word in client.scope]
        scope = audience.narrowed(granted)
        until = int(ends.timestamp())
        access_token = self.mint.access_token(
            client, grant_id, scope, principal, now, audience.identifiers, audience.reader, until
        )
        body: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": min(int(self.mint.lifetime.total_seconds()), until - int(now.timestamp())),
            "scope": scope,
        }
        if "openid" in granted:
            told = self.person_claims.asked((claims or {}).get("id_token", ()), client, principal.party)
            body["id_token"] = self.mint.id_token(client, principal, access_token, nonce, now, told, until)
        if generation is not None:
            body["refresh_token"] = self.refresh_tokens.token(client.client_id, grant_id, generation)
        return body
