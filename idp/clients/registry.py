"""All services: one file each, read together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import local

from idp.clients.client_set import ClientSet
from idp.clients.following import Following
from idp.clients.model import Client
from idp.configuration import (
    ConfigurationError,
    ConfigurationErrors,
    Document,
    NotRead,
    read_document,
    validated,
)
from idp.configuration.addresses import host_of
from idp.rules.claims import PROVIDER_SCOPES


class ClientRegistry:
    """The services as they are now. Whoever holds it sees one set of them until done, whatever the files become."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._present = ClientSet(clients)
        self._held = local()
        self._following: Following | None = None

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
        errors += [*_served_twice(documents), *_guarded_twice(read), *_of_other_subjects(registry, read)]
        if within_reach is not None:
            errors += _out_of_reach(read, within_reach)
        if errors:
            raise ConfigurationErrors(errors)
        return registry

    @classmethod
    def following(cls, folder: Path, read: Callable[[], ClientRegistry]) -> ClientRegistry:
        """Return what ``read`` finds, which follows the files of ``folder`` from then on, as :meth:`look` is called.

        There may be none at first; none any more is a mistake: a mount was lost, or somebody is still copying.
        Raises what ``read`` raises: ``ConfigurationErrors``.
        """

        def again() -> ClientRegistry:
            if registry._present.by_id and not _files(folder):
                expected = "at least one client file, as before; a restart takes an empty folder"
                raise ConfigurationErrors([ConfigurationError(str(folder), 1, 1, "file", expected)])
            return read()

        following = Following(folder, again)
        registry = cls(read())
        registry._following = following
        return registry

    def look(self, now: datetime) -> None:
        """Take what changed in the files, unless somebody looked in the second before ``now``. It never raises.

        A mistake keeps the set that there is. Several threads may call: one looks, the others go on at once.
        """
        if self._following is not None:
            self._following.look(now, self._take)

    @property
    def not_taken(self) -> Sequence[ConfigurationError]:
        """What is wrong in the files as they are now, while the last good ones serve; empty: they serve as they are."""
        return self._following.errors if self._following else ()

    @contextmanager
    def held(self) -> Iterator[ClientSet]:
        """Let this thread see one and the same set; within another such block the one of that."""
        outer = self._held_set
        self._held.clients = present = self._now
        try:
            yield present
        finally:
            self._held.clients = outer

    @property
    def _held_set(self) -> ClientSet | None:
        held: ClientSet | None = getattr(self._held, "clients", None)
        return held

    @property
    def _now(self) -> ClientSet:
        held = self._held_set
        return self._present if held is None else held

    def _take(self, clients: Iterable[Client]) -> str:
        before = self._present
        self._present = ClientSet(clients).after(before)
        return self._present.changes_since(before)

    def get(self, client_id: str) -> Client | None:
        """Return the service, or ``None`` when there is none of that identifier."""
        return self._now.by_id.get(client_id)

    def __getitem__(self, client_id: str) -> Client:
        """Return the service that is known to be there. Raises ``KeyError``."""
        return self._now.by_id[client_id]

    def serving(self, resource: str) -> Client | None:
        """Return the service whose API ``resource`` names, or ``None``."""
        return self._now.by_resource.get(resource)

    def behind(self, origin: str) -> Client | None:
        """Return the service that the gateway guards at ``origin`` (as its file writes it), or ``None``."""
        return self._now.by_origin.get(origin)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now.by_id)


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
    identity = PROVIDER_SCOPES.keys() | (known_scopes or frozenset())
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


def _guarded_twice(read: Iterable[tuple[Document, Client]]) -> Iterator[ConfigurationError]:
    """Yield an error at each host of ``gateway`` that a file before has too, on whatever port: browsers send a cookie
    to every port of a host, so each of the two services would be sent what opens the other.

    On loopback, where the demo and the tests run, nothing but ports tells services apart: there an origin counts.
    """
    first: dict[str, Client] = {}
    for document, client in read:
        for origin in client.gateway or ():
            if (known := first.setdefault(host_of(origin) or origin, client)) is not client:
                expected = f"a host name of its own, {known.client_id} has it already"
                yield document.error(("gateway", origin), expected, "key")


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
        raise ConfigurationErrors([NotRead(str(folder), 1, 1, "file", expected)]) from None
    misnamed = [
        path for path in entries if path.suffix.lower() in {".yml", ".yaml"} and path.suffix != ".yaml"
    ]
    if misnamed:
        raise ConfigurationErrors(
            ConfigurationError(str(path), 1, 1, "file", "a name that ends with .yaml") for path in misnamed
        )
    return [path for path in entries if path.suffix == ".yaml"]
