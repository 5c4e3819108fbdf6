"""A verdict as an answer: to a proxy that hands it to the visitor, and to one that wants a status alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, Response

from idp.clients.gateway import LOGIN
from idp.gateway.guard import Verdict
from idp.gateway.identity import Identity
from idp.gateway.pages import GatewayPages
from idp.gateway.question import Question, wants_page
from idp.gateway.sign_in import SignIns
from idp.rules.gate import Way

_TO_SIGN_IN = frozenset({Way.SIGN_IN, Way.STEP_UP})


@dataclass(frozen=True)
class Answers:
    """Makes the answers."""

    issuer: str
    identity: Identity
    sign_ins: SignIns
    pages: GatewayPages

    def passed(self, question: Question, verdict: Verdict) -> Response:
        """Let the request pass, with every identity header."""
        response = Response(status=204, headers=self.identity.headers(question, verdict))
        del response.headers["Content-Type"]
        return response

    def bare(self, question: Question, verdict: Verdict) -> Response:
        """Say no by a status alone: 401 where a sign-in would help, else 403."""
        if verdict.way in _TO_SIGN_IN:
            return Response(status=401, headers={"WWW-Authenticate": _challenge(question, verdict)})
        return Response(status=403)

    def whole(self, request: Request, question: Question, verdict: Verdict) -> Response:
        """Say no to the visitor: lead to the sign-in, or tell why not, as a page or as JSON (RFC 9457)."""
        if verdict.way not in _TO_SIGN_IN or verdict.client is None:
            if question.wants_page:
                return self.pages.refused(verdict.way)
            return problem(403, "this address is not open to you", str(verdict.way))
        if question.can_go_away:
            return self.sign_ins.begin(
                request, verdict.client, question.origin, question.target, verdict.acr_values
            )
        if question.wants_page:
            login = f"{LOGIN}?{urlencode({'iss': self.issuer})}"
            response = self.pages.signed_out_meanwhile(login)
        else:
            response = problem(401, "sign in at the service first", str(verdict.way))
        response.headers["WWW-Authenticate"] = _challenge(question, verdict)
        return response

    def unreadable(self, request: Request) -> Response:
        """Answer for an address that is not judged."""
        if wants_page(request.headers):
            return self.pages.unreadable()
        return problem(400, "the address can be read in more than one way", "unreadable")

    def unavailable(self, request: Request, seconds: int) -> Response:
        """Say that nothing can be decided now, and when to ask again."""
        if wants_page(request.headers):
            response = self.pages.unavailable()
        else:
            response = problem(503, "try again in a few seconds", "temporarily_unavailable")
        response.headers["Retry-After"] = str(seconds)
        return response


def problem(status: int, title: str, code: str) -> Response:
    """Return a problem for programs; ``code`` tells its cases apart."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    return Response(json.dumps(body), status, content_type="application/problem+json")


def _challenge(question: Question, verdict: Verdict) -> str:
    """Return the challenge (RFC 6750 §3); where a second factor is what lacks, that of RFC 9470 §3."""
    realm = f'Bearer realm="{question.host}"'
    if verdict.way is not Way.STEP_UP:
        return realm
    return (
        f'{realm}, error="insufficient_user_authentication", '
        'error_description="two factors are needed", acr_values="mfa"'
    )
