"""The table of ``idp/oidc/README.md`` names files and tests that exist, and leaves no cell empty."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOM = TESTS.parents[1] / "idp" / "oidc"
_TEST = re.compile(r"^def test_(\w+)\(", re.MULTILINE)


def _rows(header: str) -> list[list[str]]:
    """Return the cells of each row of the table with that first column."""
    lines = (ROOM / "README.md").read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {header} |"))
    table = lines[start + 2 :]
    end = next(number for number, line in enumerate(table) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[:end]]


@pytest.mark.parametrize("row", _rows("section"), ids=lambda row: str(row[0]))
def test_each_section_has_its_file_and_a_test_of_either_kind(row: list[str]) -> None:
    _section, files, accepts, refuses = row
    names = re.findall(r"`(\S+\.py)`", files)
    assert names
    assert all((ROOM / name).is_file() for name in names)
    module, _, positive = accepts.partition(": ")
    defined = _TEST.findall((TESTS / f"{module.strip('`')}.py").read_text("utf-8"))
    for named in (positive, refuses):
        assert named
        assert any(fnmatch(name, named.replace("…", "*")) for name in defined), named


def test_each_file_of_the_room_is_explained() -> None:
    told = re.findall(r"`(\w+\.py|\w+/)`", " ".join(row[0] for row in _rows("file")))
    present = {path.name for path in ROOM.glob("*.py") if path.stem != "__init__"}
    assert {name for name in told if name.endswith(".py")} == present
    assert "grants/" in told
