"""All services: one file each, read together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    def load(
        cls,
        folder: Path,
        known_scopes: frozenset[str] | None,
        within_reach: Callable[[str], bool] | None = None,
    ) -> ClientRegistry:
        """Return the services of every ``*.yaml`` of ``folder``; there may be none.

        ``known_scopes`` are those that claims plugins offer, beside the standard ones; with ``None`` any
        scope passes. ``within_reach`` says of an address whether the provider may ever call it; without
        it any passes. Raises ``ConfigurationErrors`` with all errors of all files.
        """
        documents: list[tuple[Path, Document]] = []
        read: list[tuple[Document, Client]] = []
        errors: list[ConfigurationError] = []
        for path in _files(folder):
            try:
                documents.append((path, read_document(path)))
            except ConfigurationErrors as found:
                errors += found.errors
        of_apis, resources = _texts(documents, "resource_scopes"), _texts(documents, "resource_identifier")
        for path, document in documents:
            try:
                read.append((document, _client(path, document, known_scopes, of_apis, resources)))
            except ConfigurationErrors as found:
                errors += found.errors
        registry = cls(client for _, client in read)
        errors += [*_served_twice(documents), *_of_other_subjects(registry, read)]
        if within_reach is not None:
            errors += _out_of_reach(read, within_reach)
        if errors:
            raise ConfigurationErrors(errors)
        return registry

    def get(self, client_id: str) -> Client | None:
        """Return the service, or ``None`` when there is none of that identifier."""
        return self._clients.get(client_id)

    def __getitem__(self, client_id: str) -> Client:
        """Return the service that is known to be there. Raises ``KeyError``."""
        return self._clients[client_id]

    def serving(self, resource: str) -> Client | None:
        """Return the service whose API ``resource`` names, or ``None``."""
        return self._by_resource.get(resource)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)


def load_client(path: Path, known_scopes: frozenset[str] | None) -> Client:
    """Return the service of one file, whatever stands in the others. Raises ``ConfigurationErrors``."""
    return _client(path, read_document(path), known_scopes, frozenset(), None)


def _client(
    path: Path,
    document: Document,
    known_scopes: frozenset[str] | None,
    of_apis: frozenset[str],
    resources: frozenset[str] | None,
) -> Client:
    identity = STANDARD_SCOPES.keys() | (known_scopes or frozenset())
    context = {
        "file_stem": path.stem,
        "known_scopes": None if known_scopes is None else identity | of_apis,
        "identity_scopes": identity,
        "known_resources": resources,
    }
    return validated(Client, document, context)


def _served_twice(documents: Iterable[tuple[Path, Document]]) -> Iterator[ConfigurationError]:
    """Yield an error at each ``resource_identifier`` that a file before has too: tokens for it would be for either."""
    key = "resource_identifier"
    first: dict[str, Path] = {}
    for path, document in documents:
        identifier = document.data.get(key)
        if isinstance(identifier, str) and first.setdefault(identifier, path) is not path:
            yield document.error((key,), f"an identifier of its own, {first[identifier].name} has it already")


def _of_other_subjects(
    registry: ClientRegistry, read: Iterable[tuple[Document, Client]]
) -> Iterator[ConfigurationError]:
    """Yield an error at each API whose tokens would tell a pairwise service by which other subject people are known.

    What a service gets for itself names nobody.
    """
    for document, client in read:
        about_people = client.grant_types != {"client_credentials"}
        for place, identifier in enumerate(client.resources if about_people else ()):
            service = registry.serving(identifier)
            if service and client.subjects_of not in {None, service.subjects_of}:
                expected = f"an API of its own sector, {service.client_id} knows people by another sub"
                yield document.error(("resources", place), expected)


def _out_of_reach(
    read: Iterable[tuple[Document, Client]], within_reach: Callable[[str], bool]
) -> Iterator[ConfigurationError]:
    """Yield an error at each address that the provider is to call and never may."""
    for document, client in read:
        for key in ("jwks_uri", "backchannel_logout_uri"):
            address: str | None = getattr(client, key)
            if address is not None and not within_reach(address):
                expected = "https to a public address, or one that the setting outbound.allowed covers"
                yield document.error((key,), expected)


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
