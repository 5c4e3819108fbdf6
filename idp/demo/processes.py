"""Provider and portal as two child processes that live and die together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

import requests

from idp.demo.world import World
from idp.worker import work

_READY_SECONDS = 45.0
_STOP_SECONDS = 8.0


class DemoFailed(Exception):
    """The demo cannot run; the text is one clear line."""


@dataclass(frozen=True)
class Running:
    """The two processes."""

    provider: subprocess.Popen[bytes]
    portal: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Return when one of them ends. Raises ``DemoFailed`` then, since neither should."""
        while True:
            for name, process in (("provider", self.provider), ("portal", self.portal)):
                if process.poll() is not None:
                    raise DemoFailed(f"the {name} ended with exit code {process.returncode}")
            time.sleep(0.2)


def free_port(wanted: int) -> int:
    """Return ``wanted`` when it is free on loopback (0: any free one). Raises ``DemoFailed``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise DemoFailed(f"port {wanted} on 127.0.0.1 cannot be used: {error.strerror}") from error
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(world: World) -> Iterator[Running]:
    """Start both, wait until both answer, and stop both at the end. Raises ``DemoFailed``."""
    quiet = {"stdin": subprocess.DEVNULL, "start_new_session": True}
    log = (world.folder / "servers.log").open("ab")
    stop = Event()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        provider = [sys.executable, "-m", "idp.demo.provider", str(world.folder / "idp.yaml")]
        portal = [sys.executable, "-m", "fse_portal.cli", "serve"]
        for argv, environment in ((provider, {}), (portal, portal_environment(world))):
            env = {**os.environ, **environment}
            processes.append(subprocess.Popen(argv, stdout=log, stderr=log, env=env, **quiet))  # type: ignore[call-overload]  # noqa: S603
        pair = Running(*processes)
        _await(world, pair)
        Thread(target=work, args=(world.parts, stop), daemon=True).start()
        yield pair
    finally:
        stop.set()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.close()


def portal_environment(world: World) -> dict[str, str]:
    """Return the portal's settings: it is told the issuer and its own client, and shares nothing else."""
    return {
        "FSE_PORTAL_ISSUER": world.issuer,
        "FSE_PORTAL_BASE_URL": world.portal,
        "FSE_PORTAL_CLIENT_ID": "fse-portal",
        "FSE_PORTAL_CLIENT_SECRET": world.portal_secret,
        "FSE_PORTAL_SECRET_KEY": world.portal_cookie_key,
        "FSE_PORTAL_DATABASE": str(world.folder / "portal.sqlite"),
        "FSE_PORTAL_PORT": world.portal.rpartition(":")[2],
        "FSE_PORTAL_SHIFTED_CLOCK": str(world.folder / "clock"),
    }


def _await(world: World, pair: Running) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    for name, process, url in (
        ("provider", pair.provider, world.issuer),
        ("portal", pair.portal, world.portal),
    ):
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DemoFailed(f"the {name} did not start; see {world.folder / 'servers.log'}")
            time.sleep(0.05)


def _answers(url: str) -> bool:
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(f"{url}/healthz", timeout=1).ok
    except requests.RequestException:
        return False
