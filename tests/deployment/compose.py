"""`docker-compose.yml` read as the Compose specification says, and run natively."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>[A-Z_]+):\?(?P<hint>[^}]+)\})")


@dataclass(frozen=True)
class Mount:
    """One entry of a service's volumes, in the short syntax."""

    source: str
    target: str
    read_only: bool

    @classmethod
    def read(cls, text: str) -> Mount:
        source, target, *mode = text.split(":")
        assert mode in ([], ["ro"]), text
        return cls(source, target, bool(mode))

    @property
    def is_bind(self) -> bool:
        return self.source.startswith(".")


@dataclass(frozen=True)
class Service:
    """One service with anchors merged and variables filled in."""

    name: str
    data: dict[str, Any]

    @property
    def mounts(self) -> list[Mount]:
        return [Mount.read(entry) for entry in self.data.get("volumes", ())]

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.data.get("environment", {}))

    @property
    def waits_for(self) -> dict[str, str]:
        return {name: entry["condition"] for name, entry in self.data.get("depends_on", {}).items()}

    @property
    def is_ours(self) -> bool:
        return "build" in self.data

    @property
    def is_step(self) -> bool:
        """Runs to its end once at each start."""
        return bool(self.data["restart"] == "no")

    @property
    def health_check(self) -> list[str]:
        """The check as a command line."""
        kind, *command = self.data["healthcheck"]["test"]
        return ["sh", "-c", *command] if kind == "CMD-SHELL" else command


def services(**variables: str) -> dict[str, Service]:
    """Read the file with these variables of the operator's shell; one that is missing is an error."""
    document = YAML(typ="safe").load(FILE)
    return {name: Service(name, _filled(data, variables)) for name, data in document["services"].items()}


def required_variables() -> set[str]:
    """The variables that the operator has to set."""
    return {found["name"] for found in _VARIABLE.finditer(FILE.read_text()) if found["name"]}


def _filled(value: Any, variables: dict[str, str]) -> Any:
    match value:
        case dict():
            return {name: _filled(inner, variables) for name, inner in value.items()}
        case list():
            return [_filled(inner, variables) for inner in value]
        case str():
            return _VARIABLE.sub(lambda found: variables[found["name"]] if found["name"] else "$", value)
    return value


def placed(value: str, mounts: dict[str, Path]) -> str:
    """Return a path inside a container as the path on this machine; anything else as it is."""
    for target, folder in mounts.items():
        if PurePosixPath(value).is_relative_to(target):
            return str(folder / PurePosixPath(value).relative_to(target))
    return value
