"""Real servers for the tests: Redis and PostgreSQL on free loopback ports, data in temporary folders."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class RedisServer:
    """A real ``redis-server``; what it holds does not survive ``stop()``. ``url`` stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is None:
            options = f"--bind 127.0.0.1 --port {self._port} --save '' --logfile redis.log"
            self._process = subprocess.Popen(
                [_binary("redis-server", package="redis-server"), *shlex.split(options)],
                cwd=self._folder,
                env=_ENVIRONMENT,
            )
            wait_until(lambda: _listens(self._port), "redis-server listens")

    def stop(self) -> None:
        """End it, unless it does not run, and wait until it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Be stopped inside the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Take requests inside the block, and answer them after it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


class PostgresServer:
    """A real PostgreSQL cluster; what it holds survives ``stop()``. ``url`` stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._running = False
        self._control = _binary("pg_ctl", package="postgresql")
        self.url = self._address("postgres")
        initdb = _binary("initdb", package="postgresql")
        self._run(initdb, "-D", "data", "-U", "idp", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if not self._running:
            options = f"-p {self._port} -h 127.0.0.1 -c unix_socket_directories= -c fsync=off"
            self._run(self._control, "start", "-w", "-D", "data", "-l", "postgresql.log", "-o", options)
            self._running = True

    def stop(self) -> None:
        """End it, unless it does not run, and wait until it is gone."""
        if self._running:
            self._run(self._control, "stop", "-w", "-D", "data", "-m", "fast")
            self._running = False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Be stopped inside the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def fresh_database(self) -> str:
        """Create an empty database and return its url."""
        name = f"test_{secrets.token_hex(4)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://idp@127.0.0.1:{self._port}/{database}"

    def _run(self, *command: str) -> None:
        user = "postgres" if os.geteuid() == 0 else None
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=_ENVIRONMENT,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{command[0]}: {done.stderr.decode()}")


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Give a running Redis; it and its data are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="idp-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL, gone with its data after the block. Root cannot run it: postgres does."""
    with tempfile.TemporaryDirectory(prefix="idp-postgresql-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def free_port() -> int:
    """Return a loopback port without a listener, outside the range that outgoing connections are given."""
    while True:
        port = 16_000 + secrets.randbelow(16_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _binary(name: str, *, package: str) -> str:
    folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), _ENVIRONMENT["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.fail(f"{name} is missing: install the Debian package {package}")
    return found
