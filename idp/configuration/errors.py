"""What is wrong in the configuration: one line an error, with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

Location = tuple[str | int, ...]
"""The keys and list indexes that lead to a value; empty for the whole file."""

_PLAIN_KEY = re.compile(r"[\w.-]{1,60}")


class ConfigurationError(ValueError):
    """One error. Its text is exactly one line, ``path:line:column: key: what is expected``.

    Line and column count from 1; both are 0 where there is no file (path ``environment``). A value is never
    repeated: it may be a secret.
    """

    def __init__(self, path: str, line: int, column: int, key: str, expected: str) -> None:
        super().__init__(path, line, column, key, expected)
        self.path = path
        self.line = line
        self.column = column
        self.key = key
        self.expected = expected

    def __str__(self) -> str:
        return _one_line(f"{self.path}:{self.line}:{self.column}: {self.key}: {self.expected}")

    @property
    def order(self) -> tuple[str, int, int, str]:
        """What errors are sorted by: path, then place."""
        return self.path, self.line, self.column, self.key

    def as_dict(self) -> dict[str, str | int]:
        """Return the parts for a machine."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "key": self.key,
            "expected": self.expected,
        }


class NotRead(ConfigurationError):
    """Something could not be read at all: another try may find it readable, though nothing in it changed."""


class ConfigurationErrors(Exception):
    """All errors that were found, sorted by path and place, at least one. Its text has one line an error."""

    def __init__(self, errors: Iterable[ConfigurationError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.order))
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


def key_text(location: Location) -> str:
    """Return a location as people write it: ``profiles.insured.mfa``, ``redirect_uris[0]``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_KEY.fullmatch(part) else json.dumps(part[:60])
            text += f".{name}" if text else name
    return text or "file"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
