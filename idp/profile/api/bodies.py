"""Bodies of requests: one JSON object, small, without a name twice, of the fields that are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from flask import Request
from pydantic import BaseModel, ValidationError

from idp.profile.api.problems import Kind, Problem

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"

MAX_BYTES: Final = 4_096
"""Of a body: the longest that is meant has half of it."""

_MOST_ERRORS: Final = 20
_UTF_8: Final = frozenset({"utf-8", "utf8"})

Model = TypeVar("Model", bound=BaseModel)


def read(request: Request, model: type[Model], types: Sequence[str]) -> Model:
    """Return the body as ``model``, sent as one of ``types``. Raises ``Problem``."""
    told = _json(request, types)
    if not isinstance(told, dict):
        raise Problem(Kind.INVALID_CONTENT, errors=[{"pointer": "#", "detail": "an object is expected"}])
    try:
        return model.model_validate(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise Problem(Kind.INVALID_CONTENT, errors=[_error(one) for one in found[:_MOST_ERRORS]]) from None


def pointed(field: str, detail: str) -> Problem:
    """Return the problem of one field that no model alone can judge."""
    return Problem(Kind.INVALID_CONTENT, errors=[{"pointer": f"#/{field}", "detail": detail}])


def _json(request: Request, types: Sequence[str]) -> Any:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in types or charset not in _UTF_8 or "Content-Encoding" in request.headers:
        accepted = "Accept-Patch" if request.method == "PATCH" else "Accept"
        raise Problem(Kind.WRONG_TYPE, headers={accepted: ", ".join(types)})
    if (request.content_length or 0) > MAX_BYTES:
        raise Problem(Kind.TOO_LARGE)
    body = request.get_data()
    if len(body) > MAX_BYTES:
        raise Problem(Kind.TOO_LARGE)
    try:
        return json.loads(body.decode(), object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Problem(
            Kind.INVALID_REQUEST, "the body is no JSON (RFC 8259), or names a field twice"
        ) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def _error(found: Any) -> dict[str, str]:
    places = [
        quote(str(place).replace("~", "~0").replace("/", "~1"), errors="replace") for place in found["loc"]
    ]
    pointer = "/".join(["#", *places])
    if found["type"] == "extra_forbidden":
        return {"pointer": pointer, "detail": "this field is unknown, or not to be changed"}
    return {"pointer": pointer, "detail": str(found["msg"]).removeprefix("Value error, ")}
