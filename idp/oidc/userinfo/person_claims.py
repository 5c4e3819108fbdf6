"""What a client is told about the account's holder (Core §5.4, §5.5): nothing that its file's scopes do not cover."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from idp.accounts.party import Party
from idp.clients.model import Client
from idp.plugins import Plugins
from idp.rules.claims import PROVIDER_SCOPES, released, scopes_of


@dataclass(frozen=True)
class PersonClaims:
    """Reads claims off the holder's attributes, through the claims plugins too; never a claim of the protocol."""

    plugins: Plugins

    @cached_property
    def scopes(self) -> Mapping[str, tuple[str, ...]]:
        """Every scope that speaks of a person, with the claims that it brings."""
        return {**PROVIDER_SCOPES, **self.plugins.scopes}

    def brought(self, scope: Collection[str]) -> frozenset[str]:
        """Return every claim that ``scope`` covers."""
        return frozenset(claim for word in scope for claim in self.scopes.get(word, ()))

    def of_scope(self, scope: Collection[str], party: Party) -> dict[str, object]:
        """Return the claims of ``scope`` that the holder has."""
        attributes = {"name": party.account.name, **party.account.attributes}
        return {**released(scope, attributes), **self.plugins.claims_for(frozenset(scope), attributes)}

    def asked(self, names: Collection[str], client: Client, party: Party) -> dict[str, object]:
        """Return the claims asked for one by one that the holder has and the client's file covers today."""
        if not names:
            return {}
        told = self.of_scope(client.scope & scopes_of(names, self.scopes), party)
        return {name: value for name, value in told.items() if name in names}
