"""``idp clients diff``: files beside the registered ones, by what they mean."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Idp


@pytest.fixture
def wanted(provider: object, tmp_path: Path) -> Path:
    """A copy of the registered folder."""
    return Path(shutil.copytree(tmp_path / "clients", tmp_path / "wanted"))


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_the_same_files_differ_in_nothing(idp: Idp, wanted: Path) -> None:
    for path in (wanted, wanted / "open.yaml"):
        shown = idp("clients", "diff", str(path), "--exit-code")
        assert (shown.exit_code, shown.stdout) == (0, "")
        assert shown.stderr == "services that differ: 0; lines that let more through: 0\n"


def test_one_file_is_compared_with_its_namesake_alone(idp: Idp, wanted: Path) -> None:
    change(wanted / "retirement.yaml", assistants="allowed", name="Retraites", profiles=["insured"])
    shown = idp("clients", "diff", str(wanted / "retirement.yaml"))
    assert (shown.exit_code, shown.stderr) == (
        0,
        "services that differ: 1; lines that let more through: 1\n",
    )
    assert shown.stdout == (
        "retirement: changed\n"
        "    name: Service retirement -> Retraites\n"
        "    profiles: - employer\n"
        "    profiles: - health_professional\n"
        "  ! assistants: refused -> allowed  (assistants are let in)\n"
    )


def test_a_folder_shows_who_comes_and_goes_too(idp: Idp, wanted: Path) -> None:
    (wanted / "strict.yaml").unlink()
    new = json.loads((wanted / "open.yaml").read_text()) | {"client_id": "newcomer"}
    (wanted / "newcomer.yaml").write_text(json.dumps(new))
    shown = idp("clients", "diff", str(wanted), "--json", "--exit-code")
    assert shown.exit_code == 1
    told = {one["client_id"]: one for one in json.loads(shown.stdout)["clients"]}
    assert {name: one["status"] for name, one in told.items()} == {"newcomer": "added", "strict": "removed"}
    line = {"key": "floor", "before": "mfa", "after": None, "weaker": None}
    assert line in told["strict"]["changes"]
    password = {"before": None, "after": "pwd", "weaker": "a password alone may do"}
    assert {**line, **password} in told["newcomer"]["changes"]


def test_a_renamed_service_hides_no_weakening(idp: Idp, wanted: Path) -> None:
    (wanted / "strict.yaml").rename(wanted / "strict2.yaml")
    change(wanted / "strict2.yaml", client_id="strict2", floor="pwd", assistants="allowed")
    shown = idp("clients", "diff", str(wanted))
    assert "  ! floor: + pwd  (a password alone may do)\n" in shown.stdout
    assert "  ! assistants: + allowed  (assistants are let in)\n" in shown.stdout
    marks = shown.stdout.count("\n  ! ")
    assert shown.stderr == f"services that differ: 2; lines that let more through: {marks}\n"


def test_files_that_cannot_be_read_are_no_difference(idp: Idp, wanted: Path) -> None:
    change(wanted / "open.yaml", pkce="never")
    for path in (wanted, wanted / "open.yaml"):
        shown = idp("clients", "diff", str(path), "--exit-code")
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert "open.yaml:1:" in shown.stderr
        assert "pkce: " in shown.stderr
    assert idp("clients", "diff", str(wanted / "absent.yaml")).exit_code == 2
