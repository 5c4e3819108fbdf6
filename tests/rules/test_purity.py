"""The rules are pure: the standard library alone, no clock, no file, no network."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import idp.rules

MODULES = sorted(Path(*idp.rules.__path__).glob("*.py"))
UNREACHABLE = {
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "subprocess",
    "sys",
    "tempfile",
    "time",
}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_rule_imports_only_rules_and_the_harmless_part_of_the_standard_library(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    foreign = {name for name in imported if not name.startswith("idp.rules")}
    assert {name.partition(".")[0] for name in foreign} <= sys.stdlib_module_names - UNREACHABLE


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_rule_never_asks_what_time_it_is(module: Path) -> None:
    called = {
        node.attr
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    assert not called & {"now", "utcnow", "today"}
