"""All services: one file each, read together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from idp.clients.model import Client
from idp.configuration import ConfigurationError, ConfigurationErrors, read_document, validated
from idp.rules.claims import STANDARD_SCOPES


class ClientRegistry:
    """The services by ``client_id``. It never changes: a reload makes another one."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients = MappingProxyType({client.client_id: client for client in clients})

    @classmethod
    def load(cls, folder: Path, known_scopes: frozenset[str] | None) -> ClientRegistry:
        """Return the services of every ``*.yaml`` of ``folder``; there may be none.

        ``known_scopes`` are those that claims plugins offer, beside the standard ones; with ``None`` any
        scope passes. Raises ``ConfigurationErrors`` with all errors of all files.
        """
        clients: list[Client] = []
        errors: list[ConfigurationError] = []
        for path in _files(folder):
            try:
                clients.append(load_client(path, known_scopes))
            except ConfigurationErrors as found:
                errors += found.errors
        if errors:
            raise ConfigurationErrors(errors)
        return cls(clients)

    def get(self, client_id: str) -> Client | None:
        """Return the service, or ``None`` when there is none of that identifier."""
        return self._clients.get(client_id)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)


def load_client(path: Path, known_scopes: frozenset[str] | None) -> Client:
    """Return the service of one file. Raises ``ConfigurationErrors``."""
    scopes = None if known_scopes is None else known_scopes | STANDARD_SCOPES.keys()
    return validated(Client, read_document(path), {"file_stem": path.stem, "known_scopes": scopes})


def _files(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        expected = f"a readable folder of client files ({error.strerror})"
        raise ConfigurationErrors([ConfigurationError(str(folder), 1, 1, "file", expected)]) from None
    misnamed = [
        path for path in entries if path.suffix.lower() in {".yml", ".yaml"} and path.suffix != ".yaml"
    ]
    if misnamed:
        raise ConfigurationErrors(
            ConfigurationError(str(path), 1, 1, "file", "a name that ends with .yaml") for path in misnamed
        )
    return [path for path in entries if path.suffix == ".yaml"]
