"""*Mes services*: what somebody who is signed in may open, and the way to each by third-party-initiated login."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from idp.clients.demand import demand_of_file
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.configuration.addresses import with_query
from idp.login.destination import Visitor
from idp.rules.assurance import Policy
from idp.rules.next_step import Demand
from idp.rules.opening import Opening, opening


@dataclass(frozen=True)
class Service:
    """One service in the list."""

    name: str
    """In the page's language."""
    address: str | None
    """Where it starts a sign-in; ``None``: not for who is there."""
    opening: Opening


@dataclass(frozen=True)
class Services:
    """Asks the client files anew each time: they change while the provider runs."""

    issuer: str
    clients: ClientRegistry
    clock: Clock
    profile_policies: Mapping[str, Policy]

    def of(self, visitor: Visitor) -> Sequence[Service]:
        """Return the services that admit the visitor's profile and start a sign-in themselves, by name."""
        now, standing = self.clock.now(), visitor.party.standing(visitor.session.proofs, earlier=True)
        found = []
        for client in self.clients:
            address = self._starting(client)
            how = opening(_demand(client), standing, self.profile_policies, now)
            if address is not None and how is not None:
                shown = None if how == "practitioner_only" else address
                found.append(Service(_(client.name), shown, how))
        return sorted(found, key=lambda one: (_collated(one.name), one.name))

    def address(self, client_id: str) -> str | None:
        """Return where a service starts a sign-in, ours named (OpenID Connect Core §4); ``None`` where none does."""
        client = self.clients.get(client_id)
        return None if client is None else self._starting(client)

    def named(self, client_id: str) -> tuple[str, str] | None:
        """Return the name of a service with that address, or ``None`` where it has none or is no more."""
        client, address = self.clients.get(client_id), self.address(client_id)
        return None if client is None or address is None else (_(client.name), address)

    def _starting(self, client: Client) -> str | None:
        address = client.initiate_login_uri
        return None if address is None else with_query(address, {"iss": self.issuer})


def _demand(client: Client) -> Demand:
    """Return what a sign-in that begins here demands: behind the gateway by the rule of the page where it ends, too."""
    demand = demand_of_file(client)
    # Each starts sign-ins on the first of its hosts.
    rules = next(iter(client.path_rules.values()), None)
    return demand if rules is None else rules.at_start.gate.narrowed(demand)


def _collated(name: str) -> str:
    """Return what French sorts by first: letters without case and accents."""
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign)
    )
