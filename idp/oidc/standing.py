"""What stands behind an access token for the provider's own resources, asked anew at each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp.accounts.grants import Grant
from idp.accounts.party import Party
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.oidc.grants.issuing import Issuing
from idp.oidc.live_grants import LiveGrants
from idp.oidc.tokens import AccessToken, BadToken, TokenMint


class NotGood(Exception):
    """The token opens nothing here (RFC 6750 §3.1 ``invalid_token``). The text is printable ASCII for developers."""


@dataclass(frozen=True)
class Standing:
    """A good token: what it says, to whom it was given, and whose it is as they stand now."""

    token: AccessToken
    client: Client
    grant: Grant
    party: Party

    @property
    def scope(self) -> frozenset[str]:
        """What it is good for: what the client's file no longer allows is left out."""
        return self.client.scope & self.token.scope


@dataclass(frozen=True)
class Bearers:
    """Reads tokens that are for the provider itself (``aud`` is the issuer) and about a person."""

    mint: TokenMint
    live: LiveGrants
    clients: ClientRegistry
    issuing: Issuing

    def of(self, token: str, now: datetime) -> Standing:
        """Return what stands behind ``token``; at most one statement. Raises ``NotGood``."""
        try:
            read = self.mint.read_access_token(token, now)
        except BadToken:
            read = None
        if read is None or read.grant_id is None or read.audience != (self.mint.issuer,):
            raise NotGood("the access token is malformed, expired or not for this resource")
        found = self.live.of(read.grant_id)
        client = self.clients.get(found[0].client_id) if found else None
        # Once a phone is activated, a password alone no longer does: what stands behind a token is judged each time.
        if (
            found is None
            or client is None
            or not self.issuing.admitted(client, found[1], found[0].proofs, now)
        ):
            raise NotGood("the access token no longer counts")
        return Standing(read, client, *found)
