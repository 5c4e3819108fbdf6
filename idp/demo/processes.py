"""Provider, portal and what is behind the gateway as child processes that live and die together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import requests

from idp.demo.configuration import PORTAL
from idp.demo.failure import DemoFailed
from idp.demo.interruption import Interruption
from idp.demo.legacy import PROXY_SECRET
from idp.demo.world import PORTAL_COOKIES, World
from idp.settings import load_settings
from idp.worker import work

_READY_SECONDS = 45.0
_STOP_SECONDS = 12.0
_OURS = ("FSE_PORTAL_", "LEGACY_PORTAL_", "GATEWAY_")


@dataclass(frozen=True)
class Server:
    """One child process; what it says goes to ``log``."""

    name: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def await_ready(self, deadline: float) -> None:
        """Return when it answers. Raises ``DemoFailed`` with its last words when it ends, or at ``deadline``."""
        with requests.Session() as http:
            http.trust_env = False
            while not _answers(http, self.address):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    words = self.log.read_text(encoding="utf-8", errors="replace").strip()
                    raise DemoFailed(
                        f"the {self.name} did not start: {words.rpartition(chr(10))[2] or 'no answer'}"
                    )
                time.sleep(0.05)

    def stop(self, deadline: float) -> None:
        """Wait until it has ended; kill it at ``deadline``."""
        try:
            self.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(frozen=True)
class Running:
    """The servers."""

    servers: tuple[Server, ...]

    def wait(self, each_second: Callable[[], None]) -> None:
        """Go on until one of them ends. Raises ``DemoFailed`` then, since neither should."""
        while True:
            for server in self.servers:
                if (code := server.process.poll()) is not None:
                    raise DemoFailed(f"the {server.name} ended with exit code {code}; see {server.log}")
            each_second()
            time.sleep(1)


@contextmanager
def running(world: World, interruption: Interruption) -> Iterator[Running]:
    """Run all, ready to answer, with the background work beside them. Raises ``DemoFailed`` or ``OSError``."""
    servers: list[Server] = []
    stopped = Event()
    try:
        provider = [sys.executable, "-m", "idp.demo.provider", str(world.settings_file)]
        portal = [sys.executable, "-m", "fse_portal.cli", "serve"]
        with interruption.deferred():
            servers.append(_started("provider", world.issuer, world.folder, provider, {}))
            servers.append(_started("portal", world.portal, world.folder, portal, portal_settings(world)))
            servers.extend(_behind_the_gateway(world))
        deadline = time.monotonic() + _READY_SECONDS
        for server in servers:
            server.await_ready(deadline)
        settings = load_settings(world.settings_file, environ={})
        Thread(target=work, args=(settings, world.parts, stopped), daemon=True).start()
        yield Running(tuple(servers))
    finally:
        with interruption.deferred():
            stopped.set()
            deadline = time.monotonic() + _STOP_SECONDS
            for server in servers:
                server.process.terminate()
            for server in servers:
                server.stop(deadline)


def _behind_the_gateway(world: World) -> Iterator[Server]:
    if (legacy := world.legacy) is None:
        return
    portal = legacy.portal_process(world.issuer, world.folder)
    yield _started("legacy portal", legacy.inner, world.folder, *portal)
    proxy = legacy.proxy_process(world.issuer, world.folder, world.secrets[PROXY_SECRET])
    yield _started(f"proxy ({legacy.proxy.name})", legacy.origin, world.folder, *proxy)


def portal_settings(world: World) -> dict[str, str]:
    """Return the portal's variables: it is told the issuer and its own client, and shares nothing else."""
    return {
        "FSE_PORTAL_ISSUER": world.issuer,
        "FSE_PORTAL_BASE_URL": world.portal,
        "FSE_PORTAL_CLIENT_ID": PORTAL,
        "FSE_PORTAL_CLIENT_SECRET": world.secrets[PORTAL],
        "FSE_PORTAL_SECRET_KEY": world.secrets[PORTAL_COOKIES],
        "FSE_PORTAL_DATABASE": str(world.folder / "portal.sqlite"),
        "FSE_PORTAL_PORT": world.portal.rpartition(":")[2],
        "FSE_PORTAL_SHIFTED_CLOCK": str(world.folder / "clock"),
    }


def _started(name: str, address: str, folder: Path, argv: list[str], settings: Mapping[str, str]) -> Server:
    # Settings of another portal in the environment would become this one's.
    inherited = {key: value for key, value in os.environ.items() if not key.upper().startswith(_OURS)}
    log = folder / f"{name.partition(' (')[0].replace(' ', '-')}.log"
    with log.open("wb") as output:
        # A session of its own: Ctrl-C in a terminal reaches this process alone, which ends both in order.
        process = subprocess.Popen(  # noqa: S603
            argv,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - the demo has no threads yet
            env={**inherited, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Server(name, address, log, process)


def _end_with_parent() -> None:
    """Have Linux send SIGTERM when the demo is killed and cannot do so (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _answers(http: requests.Session, address: str) -> bool:
    try:
        return http.get(f"{address}/healthz", timeout=1).ok
    except requests.RequestException:
        return False
