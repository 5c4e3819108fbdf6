"""Client files under a running server with two processes, and under its worker: nothing is restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.clock import MovableClock
from tests.deployment.processes import await_health, catches, running
from tests.provider import CLIENT_SECRET, Provider
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

IDP = str(Path(sys.executable).with_name("idp"))
SECONDS = 10.0
"""So late may all of them have heard."""


class Running:
    """`idp serve` with two processes, and `idp worker`, over one folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.address = f"http://127.0.0.1:{port}"
        self.server: subprocess.Popen[bytes]

    @property
    def log(self) -> list[str]:
        return [line for file in self.folder.glob("*.out") for line in file.read_text().splitlines()]

    def told(self, line: str, processes: int = 3) -> None:
        """Ask until as many processes have said a line as there are: each of the two answers, the worker looks."""

        def all_told() -> bool:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: self.status("machine"), range(8)))
            return self.log.count(line) == processes

        wait_until(all_told, f"{processes} processes say: {line}", seconds=SECONDS)

    def status(self, client_id: str) -> int:
        """Ask for a token by a connection of its own: any of the two processes answers."""
        form = {"grant_type": "client_credentials", "scope": "records.read"}
        credentials = (client_id, CLIENT_SECRET)
        address = f"{self.address}/oauth2/token"
        return requests.post(address, data=form, auth=credentials, timeout=20).status_code

    def write(self, client_id: str, **changes: object) -> None:
        """Write the file of a machine, as an editor does: in place."""
        data = json.loads((self.folder / "clients" / "machine.yaml").read_text())
        data |= {"client_id": client_id, **changes}
        (self.folder / "clients" / f"{client_id}.yaml").write_text(json.dumps(data))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("reload"), free_port()
    made = Provider(folder, MovableClock(), listen={"port": port, "workers": 2})
    made.parts.database.dispose()
    (folder / "keyring").chmod(0o600)
    run = Running(folder, port)
    variables = {"IDP_CONFIG": str(folder / "idp.yaml")}
    with ExitStack() as stack:
        run.server = stack.enter_context(running([IDP, "serve"], variables, folder))
        await_health(run.server, run.address, folder)
        worker = stack.enter_context(running([IDP, "worker"], variables, folder))
        wait_until(lambda: catches(worker, signal.SIGTERM), "the worker waits for signals")
        yield run


def test_a_new_file_is_known_to_every_process_within_seconds(served: Running) -> None:
    assert served.status("newcomer") == 401
    served.write("newcomer")
    served.told("client files: taken: added newcomer")
    assert {served.status("newcomer") for _ in range(20)} == {200}
    (served.folder / "clients" / "newcomer.yaml").unlink()
    served.told("client files: taken: removed newcomer")
    assert {served.status("newcomer") for _ in range(20)} == {401}


@pytest.mark.attack(71)
def test_a_broken_file_changes_nothing_in_any_process_and_each_says_where(served: Running) -> None:
    file = served.folder / "clients" / "broken.yaml"
    served.write("broken", zzz=True)
    column = file.read_text().index('"zzz"') + 1
    line = f"{file}:1:{column}: zzz: "
    wait_until(lambda: "zzz" in ready(served), "/readyz says so", seconds=SECONDS)
    known = next(said for said in served.log if said.startswith(line))
    served.told(known)
    assert {served.status(one) for one in ("machine", "broken") for _ in range(20)} == {200, 401}
    for _ in range(20):
        assert f"broken.yaml:1:{column}: zzz: " in ready(served)
    checked = subprocess.run(
        [IDP, "config", "check"],
        env={**os.environ, "IDP_CONFIG": str(served.folder / "idp.yaml")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (1, f"{known}\n")
    file.unlink()
    served.told("client files: right again: the services are the same")
    assert {ready(served) for _ in range(20)} == {"ready\n"}


def test_a_process_that_takes_the_place_of_one_that_died_follows_too(served: Running) -> None:
    """It comes of the one that never answers, which knows the files as they were at the start alone."""
    served.write("later")
    served.told("client files: taken: added later")
    first, second = children(served.server.pid)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len({first, second, *children(served.server.pid)}) == 3, "another one is there")
    served.told("client files: taken: added later", processes=4)
    assert {served.status("later") for _ in range(20)} == {200}


def ready(served: Running) -> str:
    answer = requests.get(f"{served.address}/readyz", timeout=20)
    assert answer.status_code == 200
    return answer.text


def children(pid: int) -> list[int]:
    """Return the processes that a process started (proc(5))."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
