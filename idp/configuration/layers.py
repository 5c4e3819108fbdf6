"""Settings from a file and from environment variables, one over the other, each value with its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from idp.configuration.document import Document, Part
from idp.configuration.errors import ConfigurationError, Location, key_text
from idp.configuration.fields import field_at, leaves, suggestion

PREFIX = "IDP_"
SELECTOR = "IDP_CONFIG"
"""Names the settings file; the only variable with the prefix that is no setting."""

_FILE = "_FILE"
_MAX_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class Variable:
    """One environment variable: the value itself, or (``file``) where it was read."""

    name: str
    location: Location
    value: dict[str, Any]
    file: Path | None = None

    def __str__(self) -> str:
        return self.name if self.file is None else f"{self.file} (named by {self.name})"


@dataclass
class Layers:
    """The merged values: variables over ``*_FILE`` variables over the document.

    ``faults`` are the errors of variables that cannot be used at all.
    """

    document: Document
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[ConfigurationError] = field(default_factory=list)
    _variables: dict[Location, Variable] = field(default_factory=dict)

    def error(self, location: Location, expected: str, part: Part = "value") -> ConfigurationError:
        """Return an error at the value's origin."""
        variable = self._variable(location)
        if variable is None:
            return self.document.error(location, expected, part)
        rest = location[len(variable.location) :]
        return environment_error(key_text((variable.name, *rest)), expected)

    def origin(self, location: Location) -> str:
        """Say where the value was set: a variable, ``path:line:column``, or ``default``."""
        variable = self._variable(location)
        if variable is not None:
            return str(variable)
        place = self.document.values.get(location)
        return f"{self.document.path}:{place.line}:{place.column}" if place else "default"

    def _variable(self, location: Location) -> Variable | None:
        for end in range(len(location), 0, -1):
            if location[:end] in self._variables:
                return self._variables[location[:end]]
            if location[:end] in self.document.values:
                return None
            if end == len(location):
                below = (each for path, each in self._variables.items() if path[:end] == location)
                if first := next(below, None):
                    return first
        return None

    def add(self, variable: Variable) -> None:
        """Lay a variable over what is there."""
        _merge(self.values, variable.value)
        for leaf in _leaves(variable.value, ()):
            self._variables[leaf] = variable


def environment_error(key: str, expected: str) -> ConfigurationError:
    """Return an error of the environment, which has no lines."""
    return ConfigurationError("environment", 0, 0, key, expected)


def layered(model: type[BaseSettings], document: Document, environ: Mapping[str, str]) -> Layers:
    """Return the document's values with the ``IDP_*`` variables over them."""
    layers = Layers(document)
    _merge(layers.values, document.data)
    variables: list[Variable] = []
    source = EnvSettingsSource(model, case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter="__")
    for name in sorted(environ):
        if name.startswith(PREFIX) and name != SELECTOR:
            try:
                variables.append(_variable(model, source, name, environ[name]))
            except ConfigurationError as error:
                layers.faults.append(error)
    for variable in sorted(variables, key=lambda each: (each.file is None, len(each.location))):
        layers.add(variable)
    return layers


def _variable(model: type[BaseSettings], source: EnvSettingsSource, name: str, text: str) -> Variable:
    setting, file = name, None
    if not _location(model, setting) and setting.endswith(_FILE):
        setting, file = name.removesuffix(_FILE), Path(text)
    location = _location(model, setting)
    if not location:
        known = [_name(key) for key in model.model_fields]
        nested = [_name(*path) for path, _ in leaves(model)]
        raise environment_error(name, f"a known setting: {suggestion(name, known, nested)}")
    if file is not None:
        text = _content(name, file)
    source.env_vars = {setting.lower(): text}
    try:
        return Variable(name, location, source(), file)
    except SettingsError:
        raise environment_error(name, "JSON: a list or an object with text in double quotes") from None


def _name(*path: str) -> str:
    return PREFIX + "__".join(path).upper()


def _location(model: type[BaseSettings], name: str) -> Location:
    location: Location = tuple(name.removeprefix(PREFIX).lower().split("__"))
    return location if name == name.upper() and field_at(model, location) else ()


def _content(name: str, file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_CHARACTERS + 1)
    except (OSError, ValueError):
        raise environment_error(name, "the path of a readable file of UTF-8 text") from None
    if len(text) > _MAX_CHARACTERS:
        raise environment_error(name, f"a file of at most {_MAX_CHARACTERS} characters")
    return text.rstrip("\r\n")


def _merge(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict):
            inner = under.get(key)
            under[key] = dict(inner) if isinstance(inner, dict) else {}
            _merge(under[key], value)
        else:
            under[key] = value


def _leaves(value: Any, location: Location) -> Iterator[Location]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*location, key))
    else:
        yield location
