"""Introspection (RFC 7662): what stands behind a token now, for the client that it concerns and for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.accounts.grants import live_party
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.oidc.client_authentication.methods import ClientRefused
from idp.oidc.grants.issuing import Issuing
from idp.oidc.live_grants import LiveGrants
from idp.oidc.principal import Principal, acting_services
from idp.oidc.revoked_tokens import RevokedTokens
from idp.oidc.tokens import AccessToken, BadToken

_OF_THE_TOKEN = ("iss", "aud", "client_id", "exp", "iat", "jti")


@dataclass(frozen=True)
class Introspection:
    """Answers with at most one statement."""

    issuing: Issuing
    clients: ClientRegistry
    live: LiveGrants
    revoked: RevokedTokens

    def answer(self, client: Client, token: str) -> Mapping[str, Any]:
        """Return the body for a confidential client. Raises ``ClientRefused`` for another (RFC 7662 §2.1)."""
        if not client.is_confidential:
            raise ClientRefused()
        said = self._of_refresh_token(client, token) or self._of_access_token(client, token)
        return {"active": False} if said is None else {"active": True, **said}

    def _of_refresh_token(self, client: Client, token: str) -> dict[str, Any] | None:
        """Return what a refresh token of this client is good for; one spent says nothing, even while it is repeated."""
        read = self.issuing.refresh_tokens.read(client.client_id, token)
        if read is None or "offline_access" not in client.scope:
            return None
        grant_id, generation = read
        now = self.issuing.clock.now()
        # Not from what is known of late: the generation must be that of this moment.
        with self.issuing.database.read() as connection:
            found = live_party(connection, grant_id, now)
        if found is None or found[0].generation != generation:
            return None
        grant, party = found
        if not self.issuing.admitted(client, party, grant.proofs, now):
            return None
        mint = self.issuing.mint
        return {
            "iss": mint.issuer,
            "aud": mint.issuer,
            "client_id": client.client_id,
            "scope": _allowed(client, grant.scope),
            "exp": int(grant.expires_at.timestamp()),
            "iat": int((grant.rotated_at or grant.created_at).timestamp()),
            **Principal(party, grant.proofs, grant.sid).claims(mint.subjects, client),
        }

    def _of_access_token(self, asker: Client, token: str) -> dict[str, Any] | None:
        now = self.issuing.clock.now()
        try:
            read = self.issuing.mint.read_access_token(token, now)
        except BadToken:
            return None
        owner = self.clients.get(str(read.claims.get("client_id")))
        if owner is None or not (owner is asker or asker.resource_identifier in read.audience):
            return None
        if read.grant_id is None:
            return self._of_the_client_itself(owner, read)
        found = self.live.of(read.grant_id)
        if found is None:
            return None
        grant, party = found
        if not all(self.issuing.admitted(one, party, grant.proofs, now) for one in (owner, asker)):
            return None
        principal = Principal(party, grant.proofs, grant.sid, acting_services(read.claims))
        return _said(owner, read) | principal.claims(self.issuing.mint.subjects, asker)

    def _of_the_client_itself(self, owner: Client, read: AccessToken) -> dict[str, Any] | None:
        if "client_credentials" not in owner.grant_types or self.revoked.holds(read):
            return None
        return {**_said(owner, read), "sub": owner.client_id}


def _said(owner: Client, read: AccessToken) -> dict[str, Any]:
    return {
        **{name: read.claims[name] for name in _OF_THE_TOKEN},
        "scope": _allowed(owner, str(read.claims["scope"])),
        "token_type": "Bearer",
    }


def _allowed(client: Client, scope: str) -> str:
    """Return the scope less what the client's file no longer allows."""
    return " ".join(word for word in scope.split(" ") if word in client.scope)
