"""All services: one file each, read together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from idp.clients.model import Client
from idp.configuration import ConfigurationError, ConfigurationErrors, Document, read_document, validated
from idp.rules.claims import STANDARD_SCOPES


class ClientRegistry:
    """The services by ``client_id``. It never changes: a reload makes another one."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients = MappingProxyType({client.client_id: client for client in clients})
        self._by_resource = {
            client.resource_identifier: client
            for client in self._clients.values()
            if client.resource_identifier is not None
        }

    @classmethod
    def load(cls, folder: Path, known_scopes: frozenset[str] | None) -> ClientRegistry:
        """Return the services of every ``*.yaml`` of ``folder``; there may be none.

        ``known_scopes`` are those that claims plugins offer, beside the standard ones; with ``None`` any
        scope passes. Raises ``ConfigurationErrors`` with all errors of all files.
        """
        documents: list[tuple[Path, Document]] = []
        clients: list[Client] = []
        errors: list[ConfigurationError] = []
        for path in _files(folder):
            try:
                documents.append((path, read_document(path)))
            except ConfigurationErrors as found:
                errors += found.errors
        scopes = None if known_scopes is None else known_scopes | _texts(documents, "resource_scopes")
        for path, document in documents:
            try:
                clients.append(_client(path, document, scopes, _texts(documents, "resource_identifier")))
            except ConfigurationErrors as found:
                errors += found.errors
        if errors:
            raise ConfigurationErrors(errors)
        return cls(clients)

    def get(self, client_id: str) -> Client | None:
        """Return the service, or ``None`` when there is none of that identifier."""
        return self._clients.get(client_id)

    def serving(self, resource: str) -> Client | None:
        """Return the service whose API ``resource`` names, or ``None``."""
        return self._by_resource.get(resource)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)


def load_client(path: Path, known_scopes: frozenset[str] | None) -> Client:
    """Return the service of one file, whatever stands in the others. Raises ``ConfigurationErrors``."""
    return _client(path, read_document(path), known_scopes, None)


def _client(
    path: Path, document: Document, known_scopes: frozenset[str] | None, resources: frozenset[str] | None
) -> Client:
    scopes = None if known_scopes is None else known_scopes | STANDARD_SCOPES.keys()
    context = {"file_stem": path.stem, "known_scopes": scopes, "known_resources": resources}
    return validated(Client, document, context)


def _texts(documents: Iterable[tuple[Path, Document]], key: str) -> frozenset[str]:
    """Return what stands under ``key`` in any file; what is no text has an error of its own."""
    found = [document.data.get(key) for _, document in documents]
    entries = [entry for value in found for entry in (value if isinstance(value, list) else [value])]
    return frozenset(entry for entry in entries if isinstance(entry, str))


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
