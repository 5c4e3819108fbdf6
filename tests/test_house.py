"""The rules of the house that no linter knows."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from idp.cli import main

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Put together here, so that this file does not hold what it looks for.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")))
REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted",
    "docker" + ".io",
    "gh" + "cr.io",
    "qu" + "ay.io",
    "registry." + "npmjs",
)
HOMES = tuple(f"/{folder}/" for folder in ("work", "root", "home", "Users", "tmp"))
# Not as a part of an address or of a longer path.
MACHINE = re.compile(rf"(?<![\w.)}}>~-])(?:{'|'.join(HOMES)})[.\w]|{'|'.join(map(re.escape, REGISTRIES))}")

GENERATED = re.compile(r"<!-- generated: .*?<!-- end", re.DOTALL)


def tracked() -> list[Path]:
    """Every file that is, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


FILES = tracked()
TEXTS = {
    path: path.read_text(encoding="utf-8")
    for path in FILES
    if path.suffix not in (".png", ".ico", ".woff2") and path.name != "LICENSE"
}


def offenders(pattern: re.Pattern[str]) -> list[str]:
    """Each place that matches, as path:line: text."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in TEXTS.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def verbs(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every verb of `idp`, and the verbs below it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from verbs(found, (*path, name))


def test_a_file_of_the_program_has_three_hundred_lines_at_most() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in TEXTS
        if path.is_relative_to(ROOT / "idp") or path.is_relative_to(ROOT / "plugins")
        if (lines := len(TEXTS[path].splitlines())) > 300 and path.parent.name != "versions"
    }
    assert not long


def test_a_readme_has_a_hundred_lines_at_most_but_for_generated_tables() -> None:
    written = {path: GENERATED.sub("", TEXTS[path]) for path in TEXTS if path.name == "README.md"}
    assert not {
        str(path): len(text.splitlines()) for path, text in written.items() if len(text.splitlines()) > 100
    }


def test_every_room_and_every_plugin_says_what_is_in_it() -> None:
    rooms = [path.parent for path in (ROOT / "idp").glob("*/__init__.py")]
    assert rooms
    folders = [
        *rooms,
        *(ROOT / name for name in ("", "plugins", "plugins/fse_portal", "templates", "config", "tests")),
        ROOT / "plugins" / "flask_relying_party",
    ]
    assert not [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "README.md").is_file()]


def test_nothing_is_left_unfinished() -> None:
    assert not offenders(UNFINISHED)


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    assert not offenders(MACHINE)


@pytest.mark.parametrize(
    "text", [f"see {HOMES[0]}x", f'"{HOMES[1]}.cache"', f"({HOMES[4]}a)", f"https://{REGISTRIES[0]}/x"]
)
def test_the_search_for_such_names_finds_them(text: str) -> None:
    assert MACHINE.search(text)


def test_nothing_that_is_made_is_kept() -> None:
    made = {".pyc", ".mo", ".sqlite", ".log", ".whl"}
    assert not [path for path in FILES if path.suffix in made or path.name == "uv.lock"]


def test_every_locked_package_has_a_hash() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        pinned = re.split(r"\n(?=[A-Za-z0-9])", TEXTS[file])
        assert len(pinned) > 1
        assert not [
            entry.splitlines()[0] for entry in pinned if "==" in entry and "--hash=sha256:" not in entry
        ]


def test_import_contracts_are_there_and_name_every_room() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = set(re.findall(r"[\w.]+", " ".join(layers)))
    rooms = {f"idp.{path.parent.name}" for path in (ROOT / "idp").glob("*/__init__.py")}
    assert rooms <= named


def test_every_program_and_entry_point_can_be_imported() -> None:
    groups = {"console_scripts": PROJECT["project"]["scripts"], **PROJECT["project"]["entry-points"]}
    for group, entries in groups.items():
        for name, value in entries.items():
            assert callable(EntryPoint(name, value, group).load())


@pytest.mark.parametrize(
    ("path", "command"), list(verbs()), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_verb_and_option_of_idp_says_what_it_does(
    path: tuple[str, ...], command: click.Command
) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert command.help
    assert not [
        option.name for option in command.params if isinstance(option, click.Option) and not option.help
    ]
