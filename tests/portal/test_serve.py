"""The portal as its own process, with several workers on one database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.clock import MovableClock
from tests.portal.stand_in import CLIENT_ID, CLIENT_SECRET, StandIn


@pytest.fixture
def address(provider: StandIn, clock: MovableClock, tmp_path: Path) -> Iterator[str]:
    clock.set(datetime.now(UTC))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "secret").write_text(CLIENT_SECRET)
    (tmp_path / "key").write_text("k" * 40)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FSE_PORTAL_")
    } | {
        "FSE_PORTAL_ISSUER": provider.issuer,
        "FSE_PORTAL_BASE_URL": f"http://127.0.0.1:{port}",
        "FSE_PORTAL_CLIENT_ID": CLIENT_ID,
        "FSE_PORTAL_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "FSE_PORTAL_SECRET_KEY_FILE": str(tmp_path / "key"),
        "FSE_PORTAL_DATABASE": str(tmp_path / "data" / "portal.sqlite"),
        "FSE_PORTAL_PORT": str(port),
    }
    argv = [sys.executable, "-m", "fse_portal.cli", "serve"]
    with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE) as process:
        try:
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, said.decode()
    assert b"Traceback" not in said, said.decode()
    assert not [token for token in provider.minted if token.encode() in said]


def test_workers_share_sessions_until_sigterm(address: str, provider: StandIn) -> None:
    with requests.Session() as browser:
        browser.mount(f"{address}/healthz", HTTPAdapter(max_retries=Retry(connect=20, backoff_factor=0.05)))
        assert browser.get(f"{address}/healthz", timeout=5).json() == {"status": "ok"}
        page = browser.get(f"{address}/login", timeout=5)
        assert page.url == f"{address}/fse"
        for _ in range(10):
            with requests.Session() as tab:
                tab.cookies.update(browser.cookies)
                assert "HKLOMTZULT FIFQOE" in tab.get(f"{address}/fse", timeout=5).text
