"""Partners whose addresses the provider calls: real servers on loopback, and a resolver that knows their name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

HOST = "partner.test"


@dataclass
class Partner:
    """A partner's server: what came, and how it answers."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"keys": []}'
    dripping: bool = False
    """The answer comes byte by byte and never ends."""
    paused: Event | None = None
    """Until it is set, nothing is answered."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path with query, headers, body."""
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Its address, by a name that only ``Names`` knows."""
        return f"https://{HOST}:{self.port}/keys?for=idp"


class _Server(ThreadingHTTPServer):
    def __init__(self, partner: Partner, address: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 0), _Handler)
        self.partner = partner

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        partner = self.server.partner
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        partner.requests.append((self.command, self.path, dict(self.headers), sent))
        if partner.paused is not None:
            partner.paused.wait(20)
        if partner.dripping:
            self._drip(partner.over)
            return
        self.send_response(partner.status)
        for name, value in {"Content-Length": str(len(partner.body)), **partner.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(partner.body)

    do_POST = do_GET

    def _drip(self, over: Event) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with suppress(OSError):
            while not over.wait(0.05):
                self.wfile.write(b"x")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running(tls: ssl.SSLContext | None, address: str = "127.0.0.1") -> Iterator[Partner]:
    """Give a partner's server on loopback, with TLS or without."""
    partner = Partner()
    server = _Server(partner, address)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    partner.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield partner
    finally:
        partner.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Names:
    """A resolver that gives the answers of a list, one after the other, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
