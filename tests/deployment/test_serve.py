"""`idp serve` and `idp worker` as processes: what they answer before a proxy is believed, and how they end."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from idp.storage.database import Database
from idp.storage.schema import audit_event
from tests.clock import MovableClock
from tests.deployment.processes import await_health, catches, clean, running
from tests.provider import CLIENT_SECRET, ISSUER, Provider
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

IDP = str(Path(sys.executable).with_name("idp"))


@pytest.fixture
def folder(tmp_path: Path, clock: MovableClock) -> Path:
    """A provider that can be served, behind no proxy."""
    made = Provider(tmp_path, clock, listen={"port": free_port(), "workers": 1})
    made.parts.database.dispose()
    (tmp_path / "keyring").chmod(0o600)
    (tmp_path / "port").write_text(str(made.settings.listen.port))
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running([IDP, "serve"], {"IDP_CONFIG": str(folder / "idp.yaml")}, folder) as process:
        await_health(process, f"http://127.0.0.1:{port(folder)}", folder)
        yield process


def port(folder: Path) -> int:
    return int((folder / "port").read_text())


def get(folder: Path, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Ask with exactly these headers; `__` in a name stands for a hyphen."""
    connection = http.client.HTTPConnection("127.0.0.1", port(folder), timeout=20)
    connection.request("GET", path, headers={name.replace("__", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


@pytest.mark.attack(45)
@pytest.mark.usefixtures("served")
def test_behind_no_proxy_nothing_that_a_visitor_says_about_addresses_is_believed(folder: Path) -> None:
    discovery = "/.well-known/openid-configuration"
    plain = get(folder, discovery)
    assert plain[0] == 200
    assert ISSUER in plain[2]
    hostile = {
        "Host": "evil.example",
        "X__Forwarded__Host": "evil.example",
        "X__Forwarded__Proto": "http",
        "X__Forwarded__For": "192.0.2.1",
        "Forwarded": "host=evil.example",
    }
    assert get(folder, discovery, **hostile)[2] == plain[2]
    assert "evil.example" not in get(folder, "/", **hostile)[2]
    assert get(folder, "/elsewhere/healthz", SCRIPT_NAME="/elsewhere")[0] == 404
    assert get(folder, "/healthz", SCRIPT_NAME="/elsewhere")[0] == 200
    assert get(folder, "/elsewhere", PATH_INFO="/healthz")[0] == 404


def test_what_a_worker_gave_in_its_last_moment_stands_in_the_audit(
    folder: Path, served: subprocess.Popen[bytes]
) -> None:
    address, form = f"http://127.0.0.1:{port(folder)}/oauth2/token", {"grant_type": "client_credentials"}
    for _ in range(3):
        assert requests.post(address, data=form, auth=("machine", CLIENT_SECRET), timeout=20).ok
    served.send_signal(signal.SIGTERM)
    assert served.wait(timeout=20) == 0
    database = Database(f"sqlite:///{folder}/idp.sqlite")
    with database.read() as connection:
        kinds = connection.execute(select(audit_event.c.kind)).scalars().all()
    database.dispose()
    assert kinds == ["tokens.client_issued"] * 3


def test_the_provider_ends_on_sigterm(folder: Path, served: subprocess.Popen[bytes]) -> None:
    served.send_signal(signal.SIGTERM)
    assert served.wait(timeout=20) == 0
    with pytest.raises(ConnectionRefusedError):
        get(folder, "/healthz")
    said = "".join(file.read_text() for file in folder.glob("*.out"))
    assert "Traceback" not in said


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_on_a_signal_in_silence(folder: Path, sign: signal.Signals) -> None:
    with running([IDP, "worker"], {"IDP_CONFIG": str(folder / "idp.yaml")}, folder) as process:
        wait_until(lambda: catches(process, signal.SIGTERM), "the worker waits for signals")
        process.send_signal(sign)
        assert process.wait(timeout=20) == 0
    assert not "".join(file.read_text() for file in folder.glob("*.out"))


def test_the_worker_does_not_start_before_the_tables_are_there(folder: Path) -> None:
    variables = {
        "IDP_CONFIG": str(folder / "idp.yaml"),
        "IDP_DATABASE_URL": f"sqlite:///{folder}/empty.sqlite",
    }
    refused = subprocess.run(
        [IDP, "worker"], env=clean(variables), capture_output=True, text=True, timeout=60, check=False
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "database: `idp db upgrade` is expected first\n"
