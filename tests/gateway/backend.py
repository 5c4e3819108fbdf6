"""A portal that tells what reached it: raw target, header lines, body and trailers; or echoes a WebSocket."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol


@dataclass
class Backend:
    """A running one: where it listens, and what it was asked."""

    port: int
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    """What it adds to every answer."""
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def running_backend(answer_headers: Mapping[str, str] | None = None) -> Iterator[Backend]:
    """Run one on a free port."""
    backend = Backend(0, answer_headers or {})

    class Handler(_Handler):
        seen = backend.seen
        more = backend.answer_headers

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    backend.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        thread.join(timeout=20)
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[dict[str, Any]]
    more: Mapping[str, str]

    def _answer(self) -> None:
        told: dict[str, Any] = {
            "method": self.command,
            "target": self.requestline.split(" ")[1],
            "headers": [[name, value] for name, value in self.headers.items()],
        }
        self.seen.append(told)
        if self.headers.get("Upgrade") == "websocket":
            self._echo()
            return
        trailers: list[str] = []
        body = self._body(trailers)
        told |= {"length": len(body), "sha256": hashlib.sha256(body).hexdigest(), "trailers": trailers}
        answer = json.dumps(told).encode()
        self.send_response(401 if self.path.startswith("/refuses") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        for name, value in self.more.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    def _body(self, trailers: list[str]) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while line := self.rfile.readline().strip():
            trailers.append(line.decode("latin-1"))
        return body

    def _echo(self) -> None:
        """Answer the handshake and send every text back, until the other side closes."""
        self.close_connection = True
        protocol = ServerProtocol()
        protocol.receive_data(
            f"{self.requestline}\r\n{self.headers}".encode().replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
        )
        while True:
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    protocol.send_text(bytes(event.data))
            for data in protocol.data_to_send():
                self.wfile.write(data)
            if protocol.close_expected():
                return
            received = self.connection.recv(65536)
            if not received:
                return
            protocol.receive_data(received)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
