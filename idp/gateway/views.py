"""The gateway's addresses. Whoever is no reverse proxy of ours finds nothing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Blueprint, Request, Response, abort, current_app, request

from idp.clients.gateway import CALLBACK, LOGIN, LOGOUT, SIGNED_OUT
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.gateway.addresses import Unreadable
from idp.gateway.answers import Answers
from idp.gateway.cookies import SESSION, GuardedHost
from idp.gateway.guard import Guard, Verdict
from idp.gateway.own_pages import OwnPages
from idp.gateway.pages import STATIC
from idp.gateway.proxies import HEADER, ProxySecrets
from idp.gateway.question import Question, read_origin, read_question
from idp.gateway.refusals import Refusals
from idp.storage.errors import StorageUnavailable

FORWARD_AUTH = "/gateway/forward-auth"
AUTH_REQUEST = "/gateway/auth-request"
ANSWER = "/gateway/answer"

_RETRY_SECONDS = 5
_TWO_YEARS = 2 * 365 * 86_400


@dataclass(frozen=True)
class GatewayRoom:
    """What the addresses lead to."""

    clients: ClientRegistry
    proxies: ProxySecrets
    guard: Guard
    refusals: Refusals
    answers: Answers
    own: OwnPages
    secure: bool

    def decided(self) -> tuple[Question, Verdict]:
        """Judge what the proxy asks. Raises ``Unreadable``, ``StorageUnavailable``."""
        question = read_question(request.headers)
        verdict = self.guard.decide(question, GuardedHost(question.origin).get(request, SESSION))
        self.refusals.note(question, verdict)
        return question, verdict

    def forward_auth(self) -> Response:
        """Answer a proxy that gives the visitor whatever is no success."""
        question, verdict = self.decided()
        if verdict.passes:
            return self.answers.passed(question, verdict)
        return self.answers.whole(request, question, verdict)

    def auth_request(self) -> Response:
        """Answer a proxy that knows 2xx, 401 and 403 alone."""
        try:
            question, verdict = self.decided()
        except Unreadable:
            return Response(status=403)
        return (self.answers.passed if verdict.passes else self.answers.bare)(question, verdict)

    def answer(self) -> Response:
        """Tell the visitor what became of a request that was not let pass; never a success."""
        question, verdict = self.decided()
        if verdict.passes:
            return self.answers.unavailable(request, 1)
        return self.answers.whole(request, question, verdict)


def gateway_blueprint(room: GatewayRoom) -> Blueprint:
    """Return the addresses."""
    blueprint = Blueprint("gateway", __name__)

    @blueprint.before_request
    def only_proxies() -> None:
        if not room.proxies.prove(request.headers.get(HEADER, "")):
            abort(404)

    @blueprint.errorhandler(Unreadable)
    def unreadable(error: Unreadable) -> Response:
        del error
        return room.answers.unreadable(request)

    @blueprint.errorhandler(StorageUnavailable)
    def unavailable(error: StorageUnavailable) -> Response:
        current_app.logger.error("unavailable: %s", type(error).__name__)
        return room.answers.unavailable(request, _RETRY_SECONDS)

    asked: dict[str, Callable[[], Response]] = {
        FORWARD_AUTH: room.forward_auth,
        AUTH_REQUEST: room.auth_request,
        ANSWER: room.answer,
    }
    for path, view in asked.items():
        blueprint.add_url_rule(path, path.rpartition("/")[2], view)

    own: dict[str, Callable[[Request, str, Client], Response]] = {
        CALLBACK: room.own.callback,
        LOGIN: room.own.login,
        LOGOUT: room.own.logout,
        SIGNED_OUT: room.own.signed_out,
    }
    for path, page in own.items():
        blueprint.add_url_rule(path, path.rpartition("/")[2], _on_host(room, page))

    @blueprint.get(f"{STATIC}/<path:name>")
    def static(name: str) -> Response:
        return cast("Response", current_app.view_functions["static"](name=name))

    @blueprint.after_request
    def promise_https(response: Response) -> Response:
        # For this host alone: the names under it are not the provider's to speak for.
        if room.secure:
            response.headers["Strict-Transport-Security"] = f"max-age={_TWO_YEARS}"
        return response

    return blueprint


def _on_host(room: GatewayRoom, page: Callable[[Request, str, Client], Response]) -> Callable[[], Response]:
    """Return the view of one of the gateway's own addresses: on a guarded origin alone, 404 on any other."""

    def view() -> Response:
        origin = read_origin(request.headers)
        client = room.clients.behind(origin)
        return page(request, origin, client) if client is not None else abort(404)

    return view
