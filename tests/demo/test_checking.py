"""`idp demo --check`: two ID tokens side by side, or what failed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import update

from idp.demo.world import open_world
from idp.storage.schema import account
from tests.demo_process import DemoProcess, environment, processes_of, run

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]


def told(stdout: str) -> dict[str, tuple[str, str, str]]:
    """The table's rows by claim: the mark, the doctor's, the assistant's; folded lines joined."""
    rows: dict[str, tuple[str, str, str]] = {}
    name = ""
    for line in stdout.splitlines():
        if line.startswith("│"):
            mark, claim, doctors, assistants = (cell.strip() for cell in line.strip("│").split("│"))
            name = claim or name
            before = rows.get(name, (mark, "", ""))
            rows[name] = (before[0], before[1] + doctors, before[2] + assistants)
    return rows


def test_it_ends_with_both_id_tokens_side_by_side_in_eighty_columns(tmp_path: Path) -> None:
    done = run("--check", "--data", tmp_path, variables={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    rows = told(done.stdout)
    assert rows["acr"] == ("", '"mfa"', '"mfa"')
    assert rows["sub"][0] == ""
    assert rows["sub"][1] == rows["sub"][2]
    assert rows["act"][:2] == ("≠", "–")
    assert "NAUDIN" in rows["act"][2]
    assert rows["delegation"][:2] == ("≠", "–")
    assert {"iss", "aud", "sub", "acr", "amr", "auth_time", "sid", "act", "delegation"} <= set(rows)
    assert not processes_of(tmp_path)


def test_a_kept_folder_may_be_checked_again_by_its_own_clock_and_both_tokens_come_as_json(
    tmp_path: Path,
) -> None:
    assert run("--check", "--data", tmp_path).returncode == 0
    (tmp_path / "clock").write_text("60")
    done = run("--check", "--json", "--data", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    tokens = json.loads(done.stdout)
    assert tokens["assistant"]["sub"] == tokens["doctor"]["sub"]
    assert "act" not in tokens["doctor"]


def test_it_walks_in_the_obligation_too(tmp_path: Path) -> None:
    assert run("--check", "--data", tmp_path, "--mfa-date", "2020-01-01").returncode == 0


def test_it_disturbs_no_running_demo_and_make_passes_arguments_on(demo: DemoProcess) -> None:
    argv = ["make", "--no-print-directory", "-o", ".venv/runtime", "demo", "ARGS=--check"]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "act" in told(done.stdout)
    assert demo.process.poll() is None


def test_it_says_which_journey_failed_and_where(tmp_path: Path) -> None:
    world = open_world(tmp_path, 5090, 5091, None)
    with world.parts.database.write() as connection:
        connection.execute(update(account).values(password=world.parts.plugins.knowledge.hash("another")))
    done = run("--check", "--data", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(
        r"^failed while the doctor signs in with password and code: expected the code page after the password, "
        r"not http://127\.0\.0\.1:\d+/signin/\S+/identification$",
        done.stderr,
        re.MULTILINE,
    )
    assert "Traceback" not in done.stderr
