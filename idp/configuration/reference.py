"""What every key means, for editors (JSON Schema) and for people (a table of Markdown)."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import BaseSettings

from idp.configuration.fields import leaves

_KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "mapping"}


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the model's files."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    if issubclass(model, BaseSettings):
        # What the file leaves out may come from a variable, so an editor must not miss it.
        schema.pop("required", None)
    return schema


def table(model: type[BaseModel]) -> str:
    """Return a Markdown table of every key: type, default, meaning."""
    schema = json_schema(model)
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for path, field in leaves(model):
        kind = _kind(_schema_at(schema, path), schema)
        rows.append(f"| `{'.'.join(path)}` | {kind} | {_default_cell(field)} | {field.description} |")
    return "\n".join(row.replace("\n", " ") for row in rows) + "\n"


def default_of(field: FieldInfo) -> Any:
    """Return the default as files write it; ``PydanticUndefined`` when the key is required."""
    default = field.get_default(call_default_factory=True, validated_data={})
    return default if default is PydanticUndefined else to_jsonable_python(default)


def _default_cell(field: FieldInfo) -> str:
    default = default_of(field)
    if default is PydanticUndefined:
        return "required"
    if default is None or default == []:
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)}`"


def _schema_at(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    part = schema
    for name in path:
        part = _resolved(part, schema)
        part = part["additionalProperties"] if name == "<name>" else part["properties"][name]
    return part


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    # A group that may be left out is written as one of it and null.
    part = next((arm for arm in part.get("anyOf", ()) if "$ref" in arm), part)
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    found: dict[str, Any] = schema["$defs"][name] if name else part
    return found


def _kind(part: dict[str, Any], schema: dict[str, Any]) -> str:
    if "anyOf" in part:
        arms = [_kind(arm, schema) for arm in part["anyOf"] if arm.get("type") != "null"]
        return " or ".join(arms)
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    if part.get("type") == "array":
        return f"list of {_kind(part['items'], schema)}"
    if part.get("format") == "path":
        return "path"
    if "minimum" in part:
        return f"{_KINDS[part['type']]}, {part['minimum']} to {part['maximum']}"
    return _KINDS[part["type"]]
