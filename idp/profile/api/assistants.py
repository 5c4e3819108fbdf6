"""The acts of the API: the same as the pages', and said in JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast, get_args

from flask import Request, Response
from pydantic import BaseModel

from idp.accounts.delegations import Delegation, TooManyAssistants
from idp.profile.api.bodies import JSON, MERGE_PATCH, pointed, read
from idp.profile.api.callers import Caller, Callers
from idp.profile.api.idempotency import OnceOnly
from idp.profile.api.models import (
    Assistant,
    AssistantChange,
    Assistants,
    Enrolment,
    EnrolmentRequest,
    Listed,
)
from idp.profile.api.problems import Kind, Problem
from idp.profile.asked import LIFETIME, AskedEnrolment, AskedEnrolments, may_return
from idp.profile.practice import Practice, takes_place
from idp.rules.delegation import Window, first_day, window_of_days


@dataclass(frozen=True)
class AssistantsApi:
    """One method an operation. Each judges first who calls."""

    issuer: str
    callers: Callers
    practice: Practice
    once_only: OnceOnly
    enrolments: AskedEnrolments

    def list(self, request: Request) -> Response:
        """Return the account's assistants."""
        caller, now = self.callers.of(request), self.practice.clock.now()
        wanted = _wanted(request)
        found = self.practice.listed(caller.account)
        shown = [one for one in found if wanted == "all" or takes_place(one, now)]
        return _json(
            Assistants(
                assistants=[Assistant.of(one, caller.subject, now) for one in shown],
                places_left=self.practice.places_left(found, now),
            )
        )

    def show(self, request: Request, assistant_id: str) -> Response:
        """Return one of them, removed ones too."""
        caller = self.callers.of(request)
        return self._told(caller, self._one(caller, assistant_id))

    def change(self, request: Request, assistant_id: str) -> Response:
        """Give one another last day, or none."""
        caller = self.callers.of(request)
        _check_precondition(request)
        change = read(request, AssistantChange, (MERGE_PATCH, JSON))
        one = self._one(caller, assistant_id)
        window = _window(one, change)
        return self.once_only.answer(request, caller, lambda: self._changed(caller, one, window))

    def remove(self, request: Request, assistant_id: str) -> Response:
        """Remove one; somebody who is removed already stays so."""
        caller = self.callers.of(request)
        _check_precondition(request)
        one = self._one(caller, assistant_id)
        return self.once_only.answer(request, caller, lambda: self._removed(caller, one))

    def enrol(self, request: Request) -> Response:
        """Return a one-time address where the practitioner adds somebody, without the service seeing any secret."""
        caller = self.callers.of(request)
        asked = read(request, EnrolmentRequest, (JSON,))
        if not may_return(caller.client, asked.return_uri):
            raise pointed(
                "return_uri", "an address on an origin of the service's redirect addresses is expected"
            )
        if asked.valid_from and asked.valid_until and asked.valid_until < asked.valid_from:
            raise pointed("valid_until", "the last day lies before the first")
        return self.once_only.answer(request, caller, lambda: self._enrolled(caller, asked), required=True)

    def _changed(self, caller: Caller, one: Delegation, window: Window) -> Response:
        if one.removed_at is not None:
            raise Problem(Kind.REMOVED)
        try:
            done = window == one.window or self.practice.set_end(caller.manager, one, window.end)
        except TooManyAssistants:
            raise Problem(Kind.FULL) from None
        if not done:
            raise Problem(Kind.REMOVED)
        return self._told(caller, replace(one, window=window))

    def _removed(self, caller: Caller, one: Delegation) -> Response:
        if one.removed_at is None:
            self.practice.remove(caller.manager, one)
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    def _enrolled(self, caller: Caller, asked: EnrolmentRequest) -> Response:
        now = self.practice.clock.now()
        if not self.practice.places_left(self.practice.listed(caller.account), now):
            raise Problem(Kind.FULL)
        ticket = self.enrolments.ask(
            AskedEnrolment(
                account_id=caller.account.id, client_id=caller.client.client_id, **asked.model_dump()
            )
        )
        address = f"{self.issuer}/profile/enrolments/{ticket}"
        response = _json(Enrolment(enrolment_uri=address, expires_at=now + LIFETIME), 201)
        response.headers["Location"] = address
        return response

    def _one(self, caller: Caller, assistant_id: str) -> Delegation:
        """Return the account's own assistant; anybody else's does not exist here."""
        listed = self.practice.listed(caller.account)
        found = next((one for one in listed if caller.subject(one.id) == assistant_id), None)
        if found is None:
            raise Problem(Kind.NOT_FOUND)
        return found

    def _told(self, caller: Caller, one: Delegation) -> Response:
        return _json(Assistant.of(one, caller.subject, self.practice.clock.now()))


def _wanted(request: Request) -> Listed:
    """Return which of them are asked for. A misspelt parameter must not pass for the default."""
    for name, values in request.args.lists():
        if name != "state" or len(values) > 1 or values[0] not in get_args(Listed):
            expected = f"state, once, of {', '.join(get_args(Listed))} is expected"
            raise Problem(Kind.INVALID_REQUEST, errors=[{"parameter": name, "detail": expected}])
    return cast("Listed", request.args.get("state", "present"))


def _window(one: Delegation, change: AssistantChange) -> Window:
    if "valid_until" not in change.model_fields_set:
        return one.window
    try:
        return window_of_days(first_day(one.window), change.valid_until)
    except ValueError:
        raise pointed("valid_until", "the last day lies before the first") from None


def _check_precondition(request: Request) -> None:
    """Nothing here has an ETag: a condition on one is not met, rather than passed over (RFC 9110 §13.1.1)."""
    if request.headers.get("If-Match", "*").strip() != "*":
        raise Problem(Kind.PRECONDITION)


def _json(told: BaseModel, status: int = 200) -> Response:
    return Response(told.model_dump_json(), status, content_type=JSON)
