"""Pydantic's findings in plain English, at the place in the file; the values are never repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from idp.configuration.document import Document, Part
from idp.configuration.errors import ConfigurationError, ConfigurationErrors, Location
from idp.configuration.fields import field_at, model_at, suggestion

Model = TypeVar("Model", bound=BaseModel)

_KEY = ("[key]",)
"""How pydantic ends the location of a mapping's key that is wrong."""
_A_LIST = "a list"
_KEYS = "keys with values, `key: value`"
_TEXT = "a text (in quotes if it reads like a number)"

_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_type": lambda _: _TEXT,
    "int_type": lambda _: "a whole number, without quotes",
    "bool_type": lambda _: "true or false",
    "path_type": lambda _: "a path",
    "tuple_type": lambda _: _A_LIST,
    "frozen_set_type": lambda _: _A_LIST,
    "dict_type": lambda _: _KEYS,
    "model_type": lambda _: _KEYS,
    "literal_error": lambda context: f"one of {context['expected'].replace(chr(39), '')}",
    "too_short": lambda context: f"at least {context['min_length']} in the list",
    "too_long": lambda context: f"at most {context['max_length']} in the list",
    "string_too_short": lambda context: f"a text of at least {context['min_length']} characters",
    "string_too_long": lambda context: f"a text of at most {context['max_length']} characters",
    "value_error": lambda context: str(context["error"]),
}


class Places(Protocol):
    """What knows where a value comes from."""

    def error(self, location: Location, expected: str, part: Part = "value") -> ConfigurationError:
        """Return an error at ``location`` or the nearest place around it."""
        ...


def validated(model: type[Model], document: Document, context: Mapping[str, object] | None = None) -> Model:
    """Return the document as ``model``; ``context`` reaches its validators.

    Raises ``ConfigurationErrors`` with everything that is wrong in the document.
    """
    faults = document.faults
    try:
        result = model.model_validate(document.data, context=dict(context or {}))
    except ValidationError as failure:
        raise ConfigurationErrors([*faults.values(), *located(failure, model, document, faults)]) from None
    if faults:
        raise ConfigurationErrors(faults.values())
    return result


def located(
    failure: ValidationError, model: type[BaseModel], places: Places, faults: Mapping[Location, object]
) -> Iterator[ConfigurationError]:
    """Yield each finding at its place, but those of values that ``faults`` has already."""
    findings = failure.errors(include_url=False, include_input=False)
    known = {*faults, *(finding["loc"][:-1] for finding in findings if finding["loc"][-1:] == _KEY)}
    # pydantic counts only the good entries of a list, so a bad one would also make it too short
    lists = {finding["loc"][:-1] for finding in findings}
    for finding in findings:
        location: Location = finding["loc"]
        follows = finding["type"] == "too_short" and location in lists
        told = location[-1:] != _KEY and any(location[:end] in known for end in range(len(location) + 1))
        if not follows and not told:
            yield _located(finding, location, model, places)


def _located(
    finding: ErrorDetails, location: Location, model: type[BaseModel], places: Places
) -> ConfigurationError:
    if location[-1:] == _KEY and finding["type"] != "literal_error":
        return places.error(location[:-1], _expected(finding, location[:-1], model), "key")
    if location[-1:] == _KEY:
        known = finding["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return places.error(location[:-1], _unknown(location[-2], known), "key")
    if finding["type"] == "extra_forbidden":
        parent = model_at(model, location[:-1])
        return places.error(location, _unknown(location[-1], parent.model_fields if parent else ()), "key")
    return places.error(location, _expected(finding, location, model))


def _unknown(name: str | int, known: Any) -> str:
    return f"a known key: {suggestion(str(name), known)}"


def _expected(finding: ErrorDetails, location: Location, model: type[BaseModel]) -> str:
    kind, field = finding["type"], field_at(model, location)
    if kind in _EXPECTED:
        return _EXPECTED[kind](finding.get("ctx", {}))
    if field is None:
        return "a valid value"
    if kind in {"greater_than_equal", "less_than_equal"}:
        bounds = {type(part): part for part in field.metadata if isinstance(part, Ge | Le)}
        return f"a whole number from {bounds[Ge].ge} to {bounds[Le].le}"  # type: ignore[union-attr]
    return f"{'required: ' if kind == 'missing' else ''}{field.description}"
