"""Real servers for the tests: Redis and PostgreSQL on free loopback ports, data in temporary folders."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class _Server(ABC):
    """A server process in a folder of its own; it ends with the test session, however that ends."""

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is None:
            # Killed tests cannot clean up: the kernel then tells the server to stop.
            command = [_binary("setpriv", package="util-linux"), "--pdeathsig", "INT", *self._command()]
            self._process = self._run(command)
            wait_until(self._answers, f"{command[3]} answers (its log: {self._folder / 'log'})")

    def stop(self) -> None:
        """End it, unless it does not run, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
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

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Return the program with its arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server serves."""

    def _run(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=_ENVIRONMENT,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class RedisServer(_Server):
    """A real ``redis-server``; what it holds does not survive ``stop()``."""

    @property
    def url(self) -> str:
        """Return its url, the same after a restart."""
        return f"redis://127.0.0.1:{self._port}/0"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Take requests inside the block, and answer them after it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _command(self) -> Sequence[str]:
        binary = _binary("redis-server", package="redis-server")
        return [binary, "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class PostgresServer(_Server):
    """A real PostgreSQL cluster; what it holds survives ``stop()``."""

    @property
    def url(self) -> str:
        """Return the url of its first database, the same after a restart."""
        return self._address("postgres")

    def create(self) -> None:
        """Lay out the empty cluster in its folder."""
        initdb = _binary("initdb", package="postgresql")
        options = ["-D", "data", "-U", "idp", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        if self._run([initdb, *options]).wait(timeout=60) != 0:
            pytest.fail((self._folder / "log").read_text())

    def fresh_database(self) -> str:
        """Create an empty database and return its url."""
        name = f"test_{secrets.token_hex(4)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://idp@127.0.0.1:{self._port}/{database}"

    def _command(self) -> Sequence[str]:
        settings = [
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",
        ]
        return [_binary("postgres", package="postgresql"), "-D", "data", *settings]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Give a running Redis; it and its data are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="idp-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL, gone with its data after the block; in a root shell, user postgres runs it."""
    with tempfile.TemporaryDirectory(prefix="idp-postgresql-") as folder:
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user, user)
        server = PostgresServer(Path(folder), user=user)
        server.create()
        try:
            server.start()
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


def _binary(name: str, *, package: str) -> str:
    folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), _ENVIRONMENT["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.fail(f"{name} is missing: install the Debian package {package}")
    return found
