"""A service that is told of logouts: a real HTTP server on loopback, and a worker's look at the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import select

from idp.app import create_app
from idp.clients.registry import ClientRegistry
from idp.oidc.logout.backchannel import LANES
from idp.outbound import Outbound
from idp.storage.schema import backchannel_logout
from idp.worker import Job, jobs_of
from tests.protocol.answers import tokens
from tests.provider import Provider, Someone, Visit

INSIDE: Mapping[str, Any] = {"allowed": ["127.0.0.0/8"]}
"""The setting ``outbound`` that lets services on this machine be called."""


@dataclass
class Receiver:
    """What came, and how it answers."""

    address: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    """What it does before it answers."""
    bodies: list[dict[str, list[str]]] = field(default_factory=list)
    mimetypes: list[str] = field(default_factory=list)

    @property
    def tokens(self) -> list[str]:
        """The logout tokens, as they came."""
        return [token for body in self.bodies for token in body["logout_token"]]


@contextmanager
def receiving(tls: SSLContext | None = None) -> Iterator[Receiver]:
    """Give a service that listens."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.mimetypes.append(self.headers["Content-Type"])
            receiver.bodies.append(parse_qs(body, keep_blank_values=True, strict_parsing=True))
            receiver.before()
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme, host = ("https", "localhost") if tls is not None else ("http", "127.0.0.1")
    receiver.address = f"{scheme}://{host}:{server.server_port}/backchannel_logout"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listening(provider: Provider, addresses: Mapping[str, str | None], **changes: Any) -> None:
    """Let services be told at their addresses, and change what else their files say."""
    clients = [
        client.model_copy(update={"backchannel_logout_uri": addresses[client.client_id], **changes})
        if client.client_id in addresses
        else client
        for client in provider.parts.clients
    ]
    provider.parts = replace(provider.parts, clients=ClientRegistry(clients))
    provider.app = create_app(provider.settings, provider.parts)


def job(provider: Provider, lanes: Executor, outbound: Outbound | None = None) -> Job:
    """Return the worker's job that tells services along ``lanes``."""
    parts = replace(provider.parts, outbound=outbound or provider.parts.outbound)
    return next(one for one in jobs_of(provider.settings, parts, Event(), lanes) if one.name == "logouts")


def tell(provider: Provider, outbound: Outbound | None = None) -> int:
    """Do the job once, wait until every service has been tried, and return how many lines were found."""
    with ThreadPoolExecutor(LANES) as lanes:
        return job(provider, lanes, outbound).run()


def outbox(provider: Provider) -> list[dict[str, Any]]:
    """Return every line of the outbox, by service."""
    with provider.parts.database.read() as connection:
        lines = select(backchannel_logout).order_by(
            backchannel_logout.c.client_id, backchannel_logout.c.created_at, backchannel_logout.c.id
        )
        return [dict(row) for row in connection.execute(lines).mappings()]


def signed_out(provider: Provider, who: Someone, *client_ids: str) -> dict[str, Any]:
    """Sign in to the services, sign out, and return the claims of the first ID token."""
    visit = provider.browser()
    given = tokens(provider, who, client_ids[0], visit)
    for client_id in client_ids[1:]:
        visit.authorize(client_id)
        assert visit.answer["code"]
    sign_out(visit)
    return provider.claims(given["id_token"])


def sign_out(visit: Visit) -> None:
    """Sign out at the provider."""
    visit.get("/logout")
    visit.submit()
    assert visit.step == "done"


def line_of(provider: Provider, client_id: str = "open") -> dict[str, Any]:
    """Return the only line of a service."""
    (line,) = (one for one in outbox(provider) if one["client_id"] == client_id)
    return line
