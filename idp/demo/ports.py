"""Loopback ports that nobody listens on."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Collection
from contextlib import ExitStack

from idp.demo.failure import DemoFailed

# Below the range from which systems take the ports of outgoing connections: nobody gets one of these by chance.
_CHOICE = range(10_000, 30_000)


def two_ports(provider: int, portal: int) -> tuple[int, int]:
    """Return two ports that can be listened on; 0 means any. Raises ``DemoFailed``."""
    if provider == portal != 0:
        raise DemoFailed(f"provider and portal need two ports, not {provider} twice")
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        first, second = (_bound(one, wanted) for one, wanted in zip(sockets, (provider, portal), strict=True))
        return first, second


def legacy_ports(wanted: int | None, usual: int, taken: Collection[int]) -> tuple[int, int]:
    """Return the ports of the proxy and of the portal behind it: the usual one unless it is in use; 0 means any.

    Raises ``DemoFailed`` when one that was ``wanted`` is in use, or ``taken`` by provider or portal.
    """
    if wanted and wanted in taken:
        raise DemoFailed(f"provider, portal and proxy need three ports, not {wanted} twice")
    with ExitStack() as held:
        first, second = (held.enter_context(socket.socket()) for _ in range(2))
        try:
            port = _bound(first, usual if wanted is None else wanted, taken)
        except DemoFailed:
            if wanted is not None:
                raise
            port = _bound(first, 0, taken)
        return port, _bound(second, 0, taken)


def _bound(probe: socket.socket, wanted: int, taken: Collection[int] = ()) -> int:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        port = wanted or secrets.choice(_CHOICE)
        if port in taken and not wanted:
            continue
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if wanted:
                raise DemoFailed(f"port {wanted} on 127.0.0.1 cannot be used: {error.strerror}") from error
        else:
            return port
