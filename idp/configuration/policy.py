"""The double-authentication policy as files write it."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_settings import NoDecode

from idp.rules.assurance import Policy

_WORDS = {"optional": Policy.optional(), "required": Policy.required()}
_EXPECTED = "optional, required, or required_from: YYYY-MM-DD"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FROM = re.compile(r"required_from: *(\S+)")


def parse_policy(value: object) -> Policy:
    """Return the policy that ``value`` writes.

    Forms: ``optional``, ``required``, ``{required_from: 2026-03-01}`` (the midnight of Europe/Monaco that
    begins the day), the last also as one text for a variable. Raises ``ValueError`` saying what is expected.
    """
    if isinstance(value, Policy):
        return value
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        written = _FROM.fullmatch(value)
        return _from_day(written[1] if written else None)
    if isinstance(value, dict) and list(value) == ["required_from"]:
        return _from_day(value["required_from"])
    raise ValueError(_EXPECTED)


def policy_data(policy: Policy) -> str | dict[str, str]:
    """Return the policy as files write it."""
    for word, known in _WORDS.items():
        if policy == known:
            return word
    assert policy.since is not None
    return {"required_from": policy.since.isoformat()}


def _from_day(text: object) -> Policy:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError(_EXPECTED)
    try:
        return Policy.required_from(date.fromisoformat(text))
    except ValueError:
        raise ValueError("required_from: a day of the calendar, YYYY-MM-DD") from None


PolicySetting = Annotated[
    Policy,
    NoDecode,
    PlainValidator(parse_policy),
    PlainSerializer(policy_data),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["optional", "required"]},
                {
                    "type": "object",
                    "properties": {"required_from": {"type": "string", "format": "date"}},
                    "required": ["required_from"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
