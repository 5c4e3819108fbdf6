"""All services of one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from idp.clients.model import Client


class ClientSet:
    """The services by ``client_id``. It never changes: a change of the files makes another one."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self.by_id: Mapping[str, Client] = MappingProxyType({client.client_id: client for client in clients})
        self.by_resource = {
            client.resource_identifier: client for client in self if client.resource_identifier is not None
        }
        self.by_origin = {origin: client for client in self for origin in client.gateway or ()}

    def __iter__(self) -> Iterator[Client]:
        return iter(self.by_id.values())

    def after(self, before: ClientSet) -> ClientSet:
        """Return this set with the objects of ``before`` wherever nothing changed: their keys are imported already."""
        known = (before.by_id.get(client.client_id) for client in self)
        return ClientSet(old if old == new else new for old, new in zip(known, self, strict=True))

    def changes_since(self, before: ClientSet) -> str:
        """Return in words which services are new, gone and changed."""
        old, new = before.by_id, self.by_id
        changed = {
            "added": new.keys() - old.keys(),
            "removed": old.keys() - new.keys(),
            "changed": {name for name in new.keys() & old.keys() if new[name] != old[name]},
        }
        words = (f"{what} {', '.join(sorted(names))}" for what, names in changed.items() if names)
        return "; ".join(words) or "the services are the same"
