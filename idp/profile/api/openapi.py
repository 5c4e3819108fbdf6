"""The API's description (OpenAPI 3.1), made of the models that it reads and writes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from idp.profile.api.bodies import JSON, MERGE_PATCH
from idp.profile.api.idempotency import KEY
from idp.profile.api.models import (
    Assistant,
    AssistantChange,
    Assistants,
    Enrolment,
    EnrolmentRequest,
    ProblemDetails,
)
from idp.profile.api.problems import DOCUMENT, MEDIA_TYPE, ROOT, Kind
from idp.rules.delegation import MANAGE_SCOPE

_ABOUT: Final = f"""A practitioner's assistants, for a tab of a service's own.

An access token of this provider is needed, of a sign-in with the scope `{MANAGE_SCOPE}` and `acr` `mfa`, in person
(never with `act`); for a change, of one at most 15 minutes old. Else the answer is a challenge to sign in again
(RFC 9470). The token belongs on the service's server: no page of another origin may ask (no CORS).

A new assistant is added at the provider: ask for a one-time address and send the browser there. No secret passes
through a service. Days are whole days of Europe/Monaco, moments are UTC.
"""

_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any string of the sender's, in double quotes. The same request with the same key has the same "
    "answer again for 24 hours; another one with it is refused.",
    "schema": {"type": "string", "pattern": f"^{KEY}$"},
    "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
}
_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The assistant's `id`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 100},
}
_STATE: Final = {
    "name": "state",
    "in": "query",
    "description": "`present`: who has a place, upcoming ones too; `all`: expired and removed ones too.",
    "schema": {"type": "string", "enum": ["present", "all"], "default": "present"},
}
_ALWAYS: Final = (Kind.INVALID_REQUEST, Kind.INVALID_TOKEN, Kind.STEP_UP, Kind.NOT_ALLOWED, Kind.UNAVAILABLE)
_OF_BODY: Final = (Kind.TOO_LARGE, Kind.WRONG_TYPE, Kind.INVALID_CONTENT)
_OF_KEY: Final = (Kind.STILL_RUNNING, Kind.ANSWER_LOST, Kind.KEY_REUSED)


@dataclass(frozen=True)
class _Operation:
    """One method at one address."""

    id: str
    method: str
    path: str
    summary: str
    status: int
    problems: tuple[Kind, ...]
    answer: type[BaseModel] | None = None
    parameters: tuple[dict[str, Any], ...] = ()
    body: type[BaseModel] | None = None
    body_types: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return the operation object (OpenAPI 3.1 §4.8.10)."""
        success: dict[str, Any] = {"description": HTTPStatus(self.status).phrase}
        if self.answer is not None:
            success["content"] = {JSON: {"schema": _of(self.answer)}}
        if self.headers:
            success["headers"] = {
                name: {"description": text, "required": True, "schema": {"type": "string"}}
                for name, text in self.headers.items()
            }
        told: dict[str, Any] = {
            "operationId": self.id,
            "summary": self.summary,
            "security": [{"access_token": [MANAGE_SCOPE]}],
            "responses": {str(self.status): success, **_problems((*_ALWAYS, *self.problems))},
        }
        if self.parameters:
            told["parameters"] = list(self.parameters)
        if self.body is not None:
            content = {media_type: {"schema": _of(self.body)} for media_type in self.body_types}
            told["requestBody"] = {"required": True, "content": content}
        return told


_OPERATIONS: Final = (
    _Operation("listAssistants", "get", "/assistants", "List", 200, (), Assistants, (_STATE,)),
    _Operation(
        "getAssistant", "get", "/assistants/{id}", "Show one", 200, (Kind.NOT_FOUND,), Assistant, (_ID,)
    ),
    _Operation(
        "changeAssistant",
        "patch",
        "/assistants/{id}",
        "Give one another last day, or none",
        200,
        (Kind.NOT_FOUND, Kind.FULL, Kind.REMOVED, Kind.PRECONDITION, *_OF_BODY, *_OF_KEY),
        Assistant,
        (_ID, _KEY),
        AssistantChange,
        (MERGE_PATCH, JSON),
    ),
    _Operation(
        "removeAssistant",
        "delete",
        "/assistants/{id}",
        "Remove one: sessions and tokens end at once, the line stays as history",
        204,
        (Kind.NOT_FOUND, Kind.PRECONDITION, *_OF_KEY),
        None,
        (_ID, _KEY),
    ),
    _Operation(
        "askForEnrolment",
        "post",
        "/enrolments",
        "Ask for a one-time address where the practitioner adds somebody",
        201,
        (Kind.FULL, *_OF_BODY, *_OF_KEY),
        Enrolment,
        ({**_KEY, "required": True},),
        EnrolmentRequest,
        (JSON,),
        {"Location": "The one-time address."},
    ),
)


def document(issuer: str) -> bytes:
    """Return the description as it is served."""
    given: list[type[BaseModel]] = [ProblemDetails, *(one.answer for one in _OPERATIONS if one.answer)]
    _, schemas = models_json_schema(
        [
            *((one.body, "validation") for one in _OPERATIONS if one.body),
            *((model, "serialization") for model in dict.fromkeys(given)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in _OPERATIONS:
        paths.setdefault(ROOT + one.path, {})[one.method] = one.described()
    paths[DOCUMENT] = {"get": {"operationId": "describe", "summary": "This description", "responses": _OPEN}}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Assistants", "version": "1", "description": _ABOUT},
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "access_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": f"Of this provider, {issuer}/.well-known/openid-configuration",
                }
            },
        },
        "x-problems": {kind.code: {"status": kind.status, "description": kind.meaning} for kind in Kind},
    }
    return json.dumps(whole).encode()


_OPEN: Final = {"200": {"description": "OK", "content": {JSON: {"schema": {"type": "object"}}}}}


def _of(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _problems(kinds: Iterable[Kind]) -> dict[str, Any]:
    """Return the answers by status; several kinds may share one."""
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _problem(status, found) for status, found in sorted(by_status.items())}


def _problem(status: int, kinds: list[Kind]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": " ".join(f"`{kind.code}`: {kind.meaning}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": _of(ProblemDetails)}},
    }
    if status in (401, 403):
        schema = {"type": "string", "pattern": "^Bearer "}
        told["headers"] = {
            "WWW-Authenticate": {
                "description": "RFC 6750 §3, RFC 9470 §3.",
                "required": True,
                "schema": schema,
            }
        }
    return told
