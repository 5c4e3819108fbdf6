"""Each request sees one set of services from its first line to its last, the newest that its files give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from idp.clients.registry import ClientRegistry
from idp.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def one_set_a_request(answer: WSGIApplication, clients: ClientRegistry, clock: Clock) -> WSGIApplication:
    """Return ``answer``, which looks at the client files before and holds what they give; bodies are made by then."""

    def held(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        clients.look(clock.now())
        with clients.held():
            return answer(environ, start_response)

    return held
