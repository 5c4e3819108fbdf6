"""Finding the field that a key names in nested models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from idp.configuration.errors import Location


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Return the model whose keys stand at ``location``, or ``None`` when no keys do."""
    inner = _inner(model, location)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def field_at(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """Return the field that holds ``location``: for an entry of a mapping or list that of the whole."""
    for end in range(len(location), 0, -1):
        parent, name = model_at(model, location[: end - 1]), location[end - 1]
        if parent is not None:
            return parent.model_fields.get(str(name))
    return None


def leaves(
    model: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Yield every key that holds a single value or a list; the entries of a mapping are ``<name>``."""
    for name, field in model.model_fields.items():
        is_mapping = get_origin(_required(field.annotation)) is dict
        path = (name, "<name>") if is_mapping else (name,)
        inner = model_at(model, path)
        if inner is None:
            yield (*above, name), field
        else:
            yield from leaves(inner, (*above, *path))


def suggestion(name: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """Return which of ``known`` and ``also`` may have been meant, or all ``known`` when none is near."""
    names = sorted(known)
    written = {each.lower(): each for each in (*also, *names)}
    near = get_close_matches(name.lower(), written, n=1)
    return f"did you mean {written[near[0]]}?" if near else f"one of {', '.join(names)}"


def _inner(model: type[BaseModel], location: Location) -> Any:
    annotation: Any = model
    for part in location:
        annotation = _required(annotation)
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(part))
            annotation = None if field is None else field.annotation
        else:
            return None
    return _required(annotation)


def _required(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _required(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return _required(next(arm for arm in get_args(annotation) if arm is not NoneType))
    return annotation
