"""What stands before a view: who is there, whether they proved enough, and the way to prove more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import current_app, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from flask_relying_party.addresses import Targets, mark_as_page, this_address
from flask_relying_party.clock import Clock
from flask_relying_party.failures import SignInFailed, told_as_failures
from flask_relying_party.gate import Gate
from flask_relying_party.resuming import Because, resumed_request
from flask_relying_party.sessions import PortalSession
from flask_relying_party.starting import StartedLogins
from flask_relying_party.step_up import Demand, InsufficientAuthentication
from flask_relying_party.unfinished import Unfinished

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Again = Callable[[Because], ResponseReturnValue]


@dataclass(frozen=True)
class Rule:
    """What a view asks: ``again`` shows a form as it was typed, with nothing done."""

    demand: Demand
    assistants: bool
    again: Again


class Guard:
    """Lets those through to a view who may see it, and sends everybody else to prove what lacks."""

    def __init__(self, gate: Gate, started: StartedLogins, clock: Clock, targets: Targets) -> None:
        self._gate = gate
        self._started = started
        self._clock = clock
        self._targets = targets

    def protected(self, view: Callable[..., Any], rule: Rule) -> Callable[..., Any]:
        """Return ``view`` behind ``rule``."""

        @wraps(view)
        def guarded(*values: Any, **named: Any) -> Response:
            resumed = resumed_request()
            admitted = resumed.session if resumed else self._admitted()
            if not isinstance(admitted, PortalSession):
                return admitted
            g.relying_party_session = admitted
            if admitted.person.actor and not rule.assistants:
                raise SignInFailed("assistants_refused")
            if resumed and resumed.because:
                return _private(rule.again(resumed.because))
            try:
                rule.demand.check(admitted.person, self._clock.now())
                return _private(current_app.ensure_sync(view)(*values, **named))
            except InsufficientAuthentication as needed:
                if resumed:
                    return _private(rule.again("not_stepped_up"))
                return self._step_up(admitted, needed.demand)

        mark_as_page(guarded)
        return guarded

    def _admitted(self) -> PortalSession | Response:
        """Return the vouched-for session, or the way through identification and back here.

        Raises ``SignInFailed`` for a form without this browser's own token, and without an answer of the provider;
        then the session stays, and so does what was typed.
        """
        try:
            with told_as_failures():
                return self._session_of_page() if request.method in SAFE else self._session_of_form()
        except SignInFailed as failed:
            if failed.passes and request.method not in SAFE and not request.files:
                failed.kept = tuple(request.form.items(multi=True))
            raise

    def _session_of_page(self) -> PortalSession | Response:
        session = self._gate.session()
        session = session and self._gate.vouched_for(session)
        return session or _to_login()

    def _session_of_form(self) -> PortalSession | Response:
        known = self._gate.known()
        if known is None:
            return _to_login()
        self._gate.expect_own_form(known)
        return self._gate.vouched_for(known) or self._interrupted(known)

    def _step_up(self, session: PortalSession, demand: Demand) -> Response:
        """Ask the provider for the whole demand, and go on here (RFC 9470 §4)."""
        wishes = demand.parameters()
        with told_as_failures():
            if request.method in SAFE:
                return self._started.begin(this_address(), wishes=wishes)
            return self._interrupted(session, wishes)

    def _interrupted(self, session: PortalSession, wishes: dict[str, str] | None = None) -> Response:
        unfinished = Unfinished.of_request(session.person)
        return self._started.begin(self._targets.of(this_address()), wishes=wishes, unfinished=unfinished)


def _to_login() -> Response:
    return redirect(url_for("relying_party.login", target_link_uri=this_address()))


def _private(answer: ResponseReturnValue) -> Response:
    """Return the answer, which is for this person and in no cache, unless the view says otherwise."""
    response = make_response(answer)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
