"""``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header): the same request again has the same answer again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Request, Response

from idp.login.cookies import fingerprint
from idp.login.kept import Kept
from idp.login.surroundings import Surroundings
from idp.profile.api.callers import Caller
from idp.profile.api.problems import Kind, Problem
from idp.storage.errors import SealBroken, StorageUnavailable

ANSWERED: Final = timedelta(hours=24)
"""How long an answer is sent again."""

RUNNING: Final = timedelta(minutes=1)
"""How long a request may take before its key is free again: longer than any does whose process lives."""

KEY: Final = r'"(?:[ !#-\[\]-~]|\\["\\]){1,200}"'
"""A string of RFC 9651 §3.3.3, of 1 to 200 characters."""

_HEADERS: Final = ("Content-Type", "Location")


@dataclass(frozen=True)
class OnceOnly:
    """Keeps answers, sealed, by account, client and key: nobody is ever sent somebody else's.

    Who calls is judged before, each time. What the request itself has wrong is told before the key is looked at, and so
    kept under none: it may be corrected and sent again. A key is taken by one atomic ``add``.
    """

    running: Kept
    answered: Kept

    def answer(
        self, request: Request, caller: Caller, act: Callable[[], Response], *, required: bool = False
    ) -> Response:
        """Return what ``act`` answers, or what it answered. Raises ``Problem``."""
        key = _key(request)
        if key is None:
            if required:
                raise Problem(Kind.INVALID_REQUEST, "the header Idempotency-Key is needed")
            return act()
        place = _place(caller, key)
        asked = fingerprint(json.dumps([request.method, request.path, request.get_data().hex()]))
        if not self.running.add(place, json.dumps({"request": asked})):
            return self._again(place, asked)
        try:
            response = _answered(act)
            self.answered.put(place, json.dumps({"request": asked, "answer": _kept(response)}))
        except Exception:
            # Done or not, the sender is told to ask the same again: the acts bear being repeated.
            with suppress(StorageUnavailable):
                self.running.take(place)
            raise
        return response

    def _again(self, place: str, asked: str) -> Response:
        try:
            text = self.answered.get(place)
        except SealBroken:
            # The keyring's key that sealed it is gone. It was done: never anew under the same key.
            raise Problem(Kind.ANSWER_LOST) from None
        told: dict[str, Any] = json.loads(text) if text is not None else {"request": asked}
        if told["request"] != asked:
            raise Problem(Kind.KEY_REUSED)
        if "answer" not in told:
            raise Problem(Kind.STILL_RUNNING, headers={"Retry-After": "1"})
        status, headers, body = told["answer"]
        return Response(body, status, headers=headers)


def once_only_of(around: Surroundings) -> OnceOnly:
    """Return the one of these surroundings."""
    store, clock, keyring = around.ephemeral, around.clock, around.keyring
    return OnceOnly(Kept(store, clock, keyring, RUNNING), Kept(store, clock, keyring, ANSWERED))


def _key(request: Request) -> str | None:
    sent = request.headers.get("Idempotency-Key")
    if sent is None:
        return None
    key = sent.strip(" ")
    if not re.fullmatch(KEY, key):
        told = 'Idempotency-Key is a string in double quotes (RFC 9651 section 3.3.3), as "8e03978e-40d5", up to 200'
        raise Problem(Kind.INVALID_REQUEST, told)
    return key


def _place(caller: Caller, key: str) -> str:
    return f"answer:{fingerprint(json.dumps([caller.account.id, caller.client.client_id, key]))}"


def _answered(act: Callable[[], Response]) -> Response:
    """Return the answer, a problem as one: it is kept too. What fails by us is raised, and is not."""
    try:
        return act()
    except Problem as problem:
        return problem.response()


def _kept(response: Response) -> list[Any]:
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    return [response.status_code, headers, response.get_data(as_text=True)]
