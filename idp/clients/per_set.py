"""What is made of all services at once, made again when they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from idp.clients.client_set import ClientSet
from idp.clients.registry import ClientRegistry

Made = TypeVar("Made")


class PerSet(Generic[Made]):
    """Holds what ``make`` returned, which reads the registry itself."""

    def __init__(self, clients: ClientRegistry, make: Callable[[], Made]) -> None:
        self._clients = clients
        self._make = make
        self._last: tuple[ClientSet, Made] | None = None

    def __call__(self) -> Made:
        """Return it as it is for the set that the caller sees."""
        with self._clients.held() as present:
            last = self._last
            if last is None or last[0] is not present:
                self._last = last = (present, self._make())
            return last[1]
