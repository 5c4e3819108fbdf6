"""What `idp demo` cannot do: one clear line, an exit code, no trace."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from idp.demo.world import open_world
from tests.demo_process import DemoProcess, environment, run

pytestmark = pytest.mark.server

UNPRIVILEGED = """
import os, sys
from idp.cli import main
import idp.commands.demo
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
main(["demo", "--json", "--port", "0", "--portal-port", "0", "--data", sys.argv[1]])
"""


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line."""
    assert done.returncode not in (0, -9)
    assert done.stdout == ""
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize("option", ["--port", "--portal-port", "--legacy-port"])
def test_a_port_in_use(tmp_path: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        others = {"--port": 0, "--portal-port": 0, option: port}
        done = run("--json", "--data", tmp_path, *(part for pair in others.items() for part in pair))
    assert refusal(done) == f"port {port} on 127.0.0.1 cannot be used: Address already in use"


def test_the_same_port_twice(tmp_path: Path) -> None:
    done = run("--json", "--port", 5090, "--portal-port", 5090, "--data", tmp_path)
    assert refusal(done) == "provider and portal need two ports, not 5090 twice"


def test_the_port_of_the_portal_for_the_proxy_too(tmp_path: Path) -> None:
    done = run("--json", "--port", 0, "--portal-port", 5091, "--legacy-port", 5091, "--data", tmp_path)
    assert refusal(done) == "provider, portal and proxy need three ports, not 5091 twice"


def test_a_folder_that_is_somebody_elses(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    for folder in tmp_path.parents:
        if folder.owner() == tmp_path.owner() and not folder.stat().st_mode & 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    argv = [sys.executable, "-c", UNPRIVILEGED, str(tmp_path / "demo")]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert refusal(done) == f"the folder {tmp_path}/demo cannot be used: Permission denied"


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("--json", "--data", tmp_path / "file" / "demo")
    assert refusal(done) == f"the folder {tmp_path}/file/demo cannot be used: Not a directory"


def test_a_folder_whose_database_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "idp.sqlite").mkdir()
    done = run("--json", "--port", 0, "--portal-port", 0, "--data", tmp_path)
    assert refusal(done) == f"the folder {tmp_path} cannot be used: the database cannot serve"


@pytest.mark.parametrize("lost", ["keyring", "secrets.json"])
def test_a_folder_with_a_lost_or_damaged_file(tmp_path: Path, lost: str) -> None:
    open_world(tmp_path, 5090, 5091, None)
    if lost == "keyring":
        (tmp_path / lost).unlink()
    else:
        (tmp_path / lost).write_text("{")
    done = run("--json", "--port", 0, "--portal-port", 0, "--data", tmp_path)
    assert refusal(done) == f"the folder {tmp_path} is damaged: remove it, or name another by --data"


def test_a_folder_of_another_demo_that_runs(demo: DemoProcess) -> None:
    done = run("--json", "--port", 0, "--portal-port", 0, "--data", demo.folder)
    assert refusal(done) == f"the folder {demo.folder} is in use by another demo"


@pytest.mark.parametrize("day", ["01/03/2026", "2026-02-30", "", "soon"])
def test_a_date_that_is_none(tmp_path: Path, day: str) -> None:
    line = refusal(run("--json", "--data", tmp_path, "--mfa-date", day))
    assert line == f"Error: --mfa-date: a day such as 2026-03-01 is expected, not {day}".strip()


def test_a_portal_that_cannot_start_is_told_with_its_own_last_words(tmp_path: Path) -> None:
    (tmp_path / "portal.sqlite").mkdir()
    line = refusal(run("--json", "--port", 0, "--portal-port", 0, "--data", tmp_path))
    assert line.startswith(
        "the portal did not start: FSE_PORTAL_DATABASE: a writable SQLite file is expected"
    )


def test_settings_of_another_provider_or_portal_in_the_environment_change_nothing(tmp_path: Path) -> None:
    variables = {
        "IDP_ISSUER": "https://elsewhere.example",
        "FSE_PORTAL_REQUIRED_ACR": "none",
        "IDP_NONSENSE": "1",
    }
    done = run("--check", "--data", tmp_path, variables=variables)
    assert done.returncode == 0, done.stderr
