"""A YAML 1.2 file as plain values, with the place of every key and value.

Only what configuration needs is let in: one mapping, no anchors, aliases, tags or directives, no key twice.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from idp.configuration.errors import ConfigurationError, ConfigurationErrors, Location, NotRead, key_text

MAX_BYTES = 256 * 1024
MAX_DEPTH = 10

Data = str | int | float | bool | None | list["Data"] | dict[str, "Data"]
Part = Literal["key", "value"]

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")


@dataclass(frozen=True)
class Place:
    """Where something stands in a file, counted from 1."""

    line: int
    column: int


@dataclass
class Document:
    """One file's values. ``faults`` are the errors of single values; such a value is not to be used."""

    path: str
    data: dict[str, Data] = field(default_factory=dict)
    faults: dict[Location, ConfigurationError] = field(default_factory=dict)
    keys: dict[Location, Place] = field(default_factory=dict)
    values: dict[Location, Place] = field(default_factory=lambda: {(): Place(1, 1)})

    def error(self, location: Location, expected: str, part: Part = "value") -> ConfigurationError:
        """Return an error at ``location``, or at the nearest value around it that the file has."""
        known = next(location[:end] for end in range(len(location), -1, -1) if location[:end] in self.values)
        place = self.keys.get(known, self.values[known]) if part == "key" else self.values[known]
        return ConfigurationError(self.path, place.line, place.column, key_text(location), expected)


def read_document(path: Path) -> Document:
    """Return the file's values and places.

    Raises ``ConfigurationErrors`` unless it is a readable regular file of up to ``MAX_BYTES`` in UTF-8 with one
    mapping; a ``NotRead`` is among them where the system did not let it be read.
    """
    try:
        # A pipe or a device would keep whoever opens or reads it waiting, for good.
        with open(path, "rb", opener=_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _whole_file(path, "a regular file")
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        expected = f"a readable file ({error.strerror})"
        raise ConfigurationErrors([NotRead(str(path), 1, 1, "file", expected)]) from None
    if len(content) > MAX_BYTES:
        raise _whole_file(path, f"at most {MAX_BYTES // 1024} KiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _at_offset(path, content[: error.start], "text in UTF-8") from None
    with _syntax(path, text):
        _refuse_what_is_not_needed(path, text)
        root = _yaml().compose(StringIO(text))
    if not isinstance(root, MappingNode):
        raise _at(path, Place(1, 1) if root is None else _place(root), "keys with values, `key: value`")
    document = Document(str(path))
    value = _value(document, root, ())
    assert isinstance(value, dict)
    document.data = value
    return document


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _at(path: Path, place: Place, expected: str) -> ConfigurationErrors:
    return ConfigurationErrors([ConfigurationError(str(path), place.line, place.column, "file", expected)])


def _whole_file(path: Path, expected: str) -> ConfigurationErrors:
    return _at(path, Place(1, 1), expected)


def _at_offset(path: Path, before: bytes, expected: str) -> ConfigurationErrors:
    return _at(path, Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n")), expected)


@contextmanager
def _syntax(path: Path, text: str) -> Iterator[None]:
    try:
        yield
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise _at(path, place, f"valid YAML ({error.problem or error.context or 'syntax'})") from None
    except ReaderError as error:
        before = text[: error.position].encode("utf-8")
        raise _at_offset(path, before, "text without control characters") from None
    except ConfigurationErrors:
        raise
    except Exception:
        # ruamel lets faults of its own through, without a place: OverflowError for an escape beyond U+10FFFF.
        raise _whole_file(path, "valid YAML 1.2") from None


def _refuse_what_is_not_needed(path: Path, text: str) -> None:
    depth = 0
    for event in _yaml().parse(StringIO(text)):
        expected = None
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            expected = "no % directive"
        elif isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            expected = "no & anchor and no * alias: write the value out"
        elif getattr(event, "tag", None) is not None:
            expected = "no ! tag"
        elif isinstance(event, CollectionStartEvent):
            depth += 1
            expected = f"at most {MAX_DEPTH} levels" if depth > MAX_DEPTH else None
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if expected:
            raise _at(path, _place(event), expected)


def _place(marked: Any) -> Place:
    return Place(marked.start_mark.line + 1, marked.start_mark.column + 1)


def _value(document: Document, node: Any, location: Location) -> Data:
    document.values[location] = _place(node)
    if isinstance(node, MappingNode):
        return _mapping(document, node, location)
    if isinstance(node, SequenceNode):
        return [_value(document, item, (*location, index)) for index, item in enumerate(node.value)]
    return _scalar(document, node, location)


def _mapping(document: Document, node: MappingNode, location: Location) -> dict[str, Data]:
    mapping: dict[str, Data] = {}
    for key_node, value_node in node.value:
        place = _place(key_node)
        if not isinstance(key_node, ScalarNode):
            _fault(document, location, place, "a plain text as key")
            continue
        key = str(key_node.value)
        inner = (*location, key)
        if key in mapping:
            _fault(
                document,
                inner,
                place,
                f"this key once; it already stands in line {document.keys[inner].line}",
            )
            continue
        document.keys[inner] = place
        mapping[key] = _value(document, value_node, inner)
        if isinstance(value_node, ScalarNode) and not value_node.style and value_node.value == "":
            document.values[inner] = place
    return mapping


def _scalar(document: Document, node: ScalarNode, location: Location) -> Data:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    value: Data = text
    if kind == "null":
        value = None
    elif kind == "bool":
        value = text.lower() == "true"
    elif kind == "int" and _INTEGER.fullmatch(text):
        value = int(text)
    elif kind == "float" and _DECIMAL.fullmatch(text):
        value = float(text)
    elif kind in {"int", "float"}:
        expected = "a decimal number without leading zeros or underscores, or a text in quotes"
        _fault(document, location, _place(node), expected)
    elif any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        _fault(document, location, _place(node), "text of whole Unicode characters")
    return value


def _fault(document: Document, location: Location, place: Place, expected: str) -> None:
    error = ConfigurationError(document.path, place.line, place.column, key_text(location), expected)
    document.faults.setdefault(location, error)
