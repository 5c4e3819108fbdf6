"""The record of processing says what the program does: its tables, cookies, settings and commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest

from idp.cli import main
from idp.configuration.fields import leaves
from idp.gateway.cookies import BROWSER, SESSION
from idp.login.cookies import Cookies
from idp.settings import Settings
from tests.generated_part import with_part
from tests.privacy_table import NAME, RECORD, table

ROOT = Path(__file__).parents[2]
TEXT = RECORD.read_text(encoding="utf-8")


def test_the_committed_table_is_the_generated_one() -> None:
    assert with_part(TEXT, NAME, table()) == TEXT, "run `python -m tests.privacy_table --write`"


def test_it_can_be_read_at_once() -> None:
    assert len(TEXT.splitlines()) <= 120


def purposes() -> set[str]:
    """What every cookie of the provider is for, from each place that asks ``Cookies`` for one."""
    found: set[str] = set()
    for path in (ROOT / "idp").rglob("*.py"):
        if path.name == "cookies.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner = ast.unparse(node.func.value)
            if owner.rpartition(".")[2].lstrip("_") == "cookies" and owner != "request.cookies":
                texts = [one.value for one in node.args if isinstance(one, ast.Constant) and one.value]
                assert len(texts) == 1, (
                    f"{path}:{node.lineno}: a cookie's purpose is written where it is used"
                )
                found.add(str(texts[0]))
    return found


def test_every_cookie_is_named_and_no_other() -> None:
    named = set(re.findall(r"^\| `([\w-]+)` \|", TEXT.partition("\n## Cookies\n")[2], re.MULTILINE))
    guarded = {Cookies(secure=True, prefix="").name(purpose) for purpose in (SESSION, BROWSER)}
    assert named == {Cookies(secure=True).name(purpose) for purpose in purposes()} | guarded


@pytest.mark.parametrize("purpose", ["browser", "session", "proof", "identifier"])
def test_the_search_for_cookies_finds_them(purpose: str) -> None:
    assert purpose in purposes()


def test_nothing_else_sets_a_cookie() -> None:
    setting = [
        str(path.relative_to(ROOT / "idp"))
        for path in (ROOT / "idp").rglob("*.py")
        if "set_cookie(" in path.read_text(encoding="utf-8") and "demo" not in path.parts
    ]
    assert setting == ["login/cookies.py"]


def test_every_setting_that_it_names_exists() -> None:
    known = {name for path, _field in leaves(Settings) for name in (path[0], path[-1], ".".join(path))}
    named = set(
        re.findall(r"`([a-z]+(?:_[a-z]+)+)`", re.sub(r"<!-- generated.*?<!-- end", "", TEXT, flags=re.DOTALL))
    )
    assert named <= known
    kept = re.findall(r"`([a-z_]+)`", " ".join(line.rsplit("|", 2)[1] for line in table().splitlines()))
    assert {"retention_days", "session_absolute", "refresh_lifetime"} <= set(kept) <= known


@pytest.mark.parametrize("told", sorted(set(re.findall(r"`idp ([a-z ]+?)(?: [A-Z].*?)?`", TEXT))))
def test_every_command_that_it_names_exists(told: str) -> None:
    command: click.Command | None = main
    for word in told.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None


def test_every_file_that_it_points_at_exists() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (RECORD.parent / target).exists(), target
