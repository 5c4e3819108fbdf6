"""What goes wrong, told to programs (RFC 9457): each kind has one name, one status and one entry in the description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from flask import Response

ROOT: Final = "/api/v1"
DOCUMENT: Final = f"{ROOT}/openapi.json"
MEDIA_TYPE: Final = "application/problem+json"


class Kind(Enum):
    """Name, status, and what it means whatever the request was."""

    INVALID_REQUEST = "invalid_request", 400, "The request is malformed."
    INVALID_TOKEN = "invalid_token", 401, "There is no access token, or it opens nothing here (RFC 6750)."
    STEP_UP = (
        "insufficient_user_authentication",
        401,
        "Both factors are needed, and for a change both shown at most max_age seconds ago (RFC 9470).",
    )
    NOT_ALLOWED = (
        "insufficient_scope",
        403,
        "Only a practitioner in person manages, by a service that was granted the scope (RFC 6750).",
    )
    NOT_FOUND = "not_found", 404, "There is nothing of this address in this account."
    WRONG_METHOD = "method_not_allowed", 405, "The header Allow names the methods of this address."
    FULL = "too_many_assistants", 409, "The account has as many assistants as it may have."
    REMOVED = "assistant_removed", 409, "The assistant was removed and stays as history only."
    STILL_RUNNING = "still_running", 409, "A request with this Idempotency-Key is being answered: ask again."
    ANSWER_LOST = (
        "answer_lost",
        409,
        "This Idempotency-Key was used, and its answer can no longer be read: look at the list before another key.",
    )
    PRECONDITION = "precondition_failed", 412, "No answer of this API has an ETag that If-Match could name."
    TOO_LARGE = "content_too_large", 413, "The body is larger than anything that is meant here."
    WRONG_TYPE = "unsupported_media_type", 415, "The body is of another type than is taken here."
    INVALID_CONTENT = "invalid_content", 422, "The body has fields that are wrong: errors point at each."
    KEY_REUSED = "idempotency_key_reused", 422, "This Idempotency-Key was used with another request."
    UNAVAILABLE = (
        "temporarily_unavailable",
        503,
        "A change may have been made or not. Ask the same again in a few seconds, with the same Idempotency-Key.",
    )

    def __init__(self, code: str, status: int, meaning: str) -> None:
        self.code = code
        self.status = status
        self.meaning = meaning

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind, and where the document describes it (RFC 9457 §3.1.1)."""
        return f"{DOCUMENT}#/x-problems/{self.code}"


class Problem(Exception):
    """A request that is answered by a problem. ``errors`` say what is wrong where, ``headers`` go beside."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the answer."""
        told: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.meaning,
            "status": self.kind.status,
        }
        if self.detail:
            told["detail"] = self.detail
        if self.errors:
            told["errors"] = list(self.errors)
        return _response(told, self.kind.status, self.headers)


def of_status(status: int) -> Response:
    """Return the answer to what no view came to answer: no such address, another method, a store that is gone."""
    kind = next((kind for kind in _BY_ITSELF if kind.status == status), None)
    if kind is None:
        return _response(
            {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}, status, {}
        )
    return Problem(kind, headers={"Retry-After": "5"} if kind is Kind.UNAVAILABLE else None).response()


_BY_ITSELF = (Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.WRONG_METHOD, Kind.TOO_LARGE, Kind.UNAVAILABLE)


def _response(told: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(told), status, headers=dict(headers), content_type=MEDIA_TYPE)
