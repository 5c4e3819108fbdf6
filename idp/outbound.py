"""Calls to addresses that partners chose (`jwks_uri`, `backchannel_logout_uri`): only where they may lead (CWE-918).

A name is resolved once, every address that it has is judged, and the connection is made to one of those: a name that
changes its answer in between leads nowhere else. The certificate is checked against the name all the same. No redirect
is followed, no proxy of the environment used, nothing decompressed; time and size are bounded, of dripped answers too.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from idp.configuration import ConfigurationErrors
from idp.settings import Settings

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the IP addresses of a host name. Raises ``OSError``."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is public in IPv6; NAT64 (64:ff9b::/96), site-local and the like lie outside."""

_NOT_PUBLIC = (
    IPv4Network("168.63.129.16/32"),  # what Azure tells its machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments; what Oracle's cloud tells its machines
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv6Network("2001::/32"),  # Teredo: an IPv4 address inside
    IPv6Network("2002::/16"),  # 6to4: the same
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""What ``is_global`` lets pass."""


class NotReached(Exception):
    """The address may not be called, or did not answer rightly and in time. The text, a line for a log, says why."""


@dataclass(frozen=True)
class Patience:
    """How long a call may take, in seconds of the machine's clock."""

    step: float = 3.0
    """To connect, and between two pieces of the answer."""
    total: float = 6.0
    """From the name to the last byte."""


class Outbound:
    """Calls over https, to public addresses and what the settings allow inside the house; plain http only there.

    It holds no connection: threads may share it, and processes over a fork.
    """

    def __init__(
        self,
        allowed: Sequence[IPv4Network | IPv6Network],
        trusted: ssl.SSLContext,
        resolver: Resolver | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._trusted = trusted
        self._resolver = resolver or _addresses_of
        self._patience = patience or Patience()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return what the settings ``outbound`` describe. Raises ``ConfigurationErrors``."""
        trusted = ssl.create_default_context()
        if settings.outbound.ca_file is not None:
            try:
                trusted.load_verify_locations(settings.outbound.ca_file)
            except OSError:
                expected = "a readable file of certificates in PEM"
                raise ConfigurationErrors([settings.error(("outbound", "ca_file"), expected)]) from None
        return cls([ip_network(one) for one in settings.outbound.allowed], trusted)

    def get(self, url: str, *, limit: int) -> bytes:
        """Return the body of a 200 answer of at most ``limit`` bytes. Raises ``NotReached``."""
        with self._answered("GET", url, None) as answer:
            if answer.status != 200:
                raise HTTPException(f"status {answer.status}")
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise HTTPException("a compressed answer, though none was asked for")
            body = answer.read(limit + 1)
            if len(body) > limit:
                raise HTTPException(f"more than {limit} bytes")
            if answer.length:
                raise HTTPException("a truncated answer")
            return body

    def post_form(self, url: str, form: Mapping[str, str]) -> int:
        """Post ``form`` and return the status of the answer, whatever it is. Raises ``NotReached``."""
        with self._answered("POST", url, urlencode(form).encode()) as answer:
            return answer.status

    @contextmanager
    def _answered(self, method: str, url: str, body: bytes | None) -> Iterator[HTTPResponse]:
        """Give the head of the answer; whatever goes wrong, in the block too, is ``NotReached``."""
        deadline = _Deadline(monotonic() + self._patience.total, self._patience.step)
        try:
            parts = urlsplit(url)
            host, target = (
                parts.hostname or "",
                (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            )
            headers = {"Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"}
            if body is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            with self._connected(parts.scheme, host, parts.port, deadline) as reached:
                connection = HTTPConnection(host, 0)  # with a port it looks for none in an IPv6 address
                connection.sock = _Hurried(reached, deadline)
                connection.request(method, target, body, headers)
                with connection.getresponse() as answer:
                    yield answer
        except (OSError, HTTPException, ValueError) as error:
            raise NotReached(f"{url[:200]!r}: {type(error).__name__}: {str(error)[:200]!r}") from error

    @contextmanager
    def _connected(
        self, scheme: str, host: str, port: int | None, deadline: _Deadline
    ) -> Iterator[socket.socket]:
        if scheme not in {"http", "https"} or not host:
            raise ValueError("an address with https and a host is expected")
        port = port or (443 if scheme == "https" else 80)
        addresses = [_plain(ip_address(found)) for found in self._resolved(host, port, deadline)]
        for address in addresses:
            if not _may_be_called(self._allowed, address, scheme):
                raise OSError(f"{address} may not be called over {scheme}; see the setting outbound.allowed")
        with _first_reached(addresses, port, deadline) as reached:
            if scheme == "http":
                yield reached
                return
            reached.settimeout(deadline.left())
            with self._trusted.wrap_socket(reached, server_hostname=host) as secured:
                yield secured

    def _resolved(self, host: str, port: int, deadline: _Deadline) -> Sequence[str]:
        """Ask the resolver in a thread: what the system's takes its time for cannot be interrupted."""
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolver(host, port))
            except (OSError, ValueError) as error:
                answers.put(error)

        Thread(target=ask, daemon=True).start()
        try:
            found = answers.get(timeout=deadline.left())
        except Empty:
            raise TimeoutError("the name was not resolved in time") from None
        if isinstance(found, Exception):
            raise found
        return found


def reach_of(settings: Settings) -> Callable[[str], bool]:
    """Return what says whether an address may ever be called; no name is asked for, only ``localhost`` is known."""
    allowed = [ip_network(one) for one in settings.outbound.allowed]

    def within_reach(url: str) -> bool:
        parts = urlsplit(url)
        hosts = ("127.0.0.1", "::1") if parts.hostname == "localhost" else (parts.hostname or "",)
        try:
            addresses = [_plain(ip_address(host)) for host in hosts]
        except ValueError:
            return True  # a name: judged at each call
        return any(_may_be_called(allowed, address, parts.scheme) for address in addresses)

    return within_reach


@dataclass(frozen=True)
class _Deadline:
    """When a call ends, and how long a step of it may take."""

    at: float
    step: float

    def left(self) -> float:
        """Return the seconds for the next step. Raises ``TimeoutError`` when none is left."""
        left = min(self.step, self.at - monotonic())
        if left <= 0:
            raise TimeoutError("not answered in time")
        return left


class _Hurried:
    """A socket as ``http.client`` uses it; before each piece its timeout is what is left of the whole call."""

    def __init__(self, reached: socket.socket, deadline: _Deadline) -> None:
        self._reached = reached
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._reached.settimeout(self._deadline.left())
        self._reached.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of what comes."""
        return io.BufferedReader(_Pieces(self._reached, self._deadline))

    def close(self) -> None:
        """Leave it open: the answer is still to be read."""


class _Pieces(io.RawIOBase):
    def __init__(self, reached: socket.socket, deadline: _Deadline) -> None:
        self._reached = reached
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._reached.settimeout(self._deadline.left())
        return self._reached.recv_into(buffer)


def _first_reached(
    addresses: Sequence[IPv4Address | IPv6Address], port: int, deadline: _Deadline
) -> socket.socket:
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((str(address), port), deadline.left())
    if not addresses:
        raise OSError("the name has no address")
    return socket.create_connection((str(addresses[-1]), port), deadline.left())


def _may_be_called(
    allowed: Sequence[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address, scheme: str
) -> bool:
    return any(address in network for network in allowed) or (scheme == "https" and _is_public(address))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and (address.version == 4 or address in _GLOBAL_UNICAST)
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for (``::ffff:10.0.0.1``), or the address itself."""
    return getattr(address, "ipv4_mapped", None) or address


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
