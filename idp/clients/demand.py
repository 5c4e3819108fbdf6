"""What a service's file demands of whoever wants in."""

from __future__ import annotations

from collections.abc import Sequence

from idp.clients.model import Client
from idp.rules.assurance import ACR_VALUES, strictest
from idp.rules.next_step import Demand


def demand_of_file(client: Client, apis: Sequence[Client] = ()) -> Demand:
    """Return what the file demands, whatever a request adds; the strictest of it and of the ``apis`` wins."""
    files = (client, *apis)
    return Demand(
        profiles=frozenset.intersection(*(file.profiles for file in files)),
        floor=max((file.floor for file in files), key=ACR_VALUES.index),
        policy=strictest(file.mfa for file in files),
        assistants_allowed=all(file.assistants == "allowed" for file in files),
        consent=client.consent,
    )
