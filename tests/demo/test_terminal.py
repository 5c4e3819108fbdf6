"""What a person sees in a terminal, and Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idp.demo.people import PEOPLE
from tests.demo_process import command, environment, processes_of
from tests.waiting import wait_until

pytestmark = pytest.mark.server

COLUMNS = 80
CTRL_C = b"\x03"


class Terminal:
    """A program in a terminal of 80 columns; `screen` is everything it wrote."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self._written = b""

    @property
    def screen(self) -> str:
        while True:
            try:
                self._written += os.read(self._master, 65536)
            except OSError:
                break
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._written.decode(errors="ignore"))

    def shows(self, pattern: str) -> bool:
        return re.search(pattern, self.screen) is not None

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)


@contextmanager
def terminal(argv: list[str]) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    os.set_blocking(master, False)
    process = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(TERM="xterm-256color"),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(master)


def test_addresses_people_passwords_live_codes_and_a_qr_code_until_ctrl_c(tmp_path: Path) -> None:
    with terminal(command("--port", 0, "--portal-port", 0, "--data", tmp_path)) as shown:
        wait_until(lambda: shown.shows("preparing the demo in"), "it says that it prepares")
        wait_until(lambda: shown.shows("the next codes in"), "it shows the codes", seconds=60)
        screen = shown.screen
        assert re.search(r"FSE portal\s+│ http://127\.0\.0\.1:\d+ ", screen)
        assert re.search(r"Portal behind nginx\s+│ http://127\.0\.0\.1:\d+ ", screen)
        assert re.search(r"Profil\s+│ http://127\.0\.0\.1:\d+/profile ", screen)
        for seed in PEOPLE:
            assert re.search(rf"│ {seed.name}\s+│ {seed.identifier}\s+│ \d{{8}} │ (\d{{6}}|–)\s+│", screen)
        assert re.search(r"assistant\s+│ NAUDIN Fernand\s+│ 608349\s+│ \d{8} │ \d{6} │", screen)
        assert re.search(r"█{20}[\s\S]+ ▄▄▄▄▄ █", screen)
        assert "__Host-" in screen
        assert max(len(line) for line in screen.splitlines()) <= COLUMNS
        tables = screen.count("the next codes in")
        wait_until(lambda: shown.screen.count("the next codes in") > tables, "the codes are renewed")
        shown.press(CTRL_C)
        assert shown.process.wait(timeout=30) == 0
        assert shown.shows("stopped")
        assert "Traceback" not in shown.screen
    assert not processes_of(tmp_path)


def test_ctrl_c_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    with terminal(command("--port", 0, "--portal-port", 0, "--data", tmp_path)) as shown:
        wait_until(lambda: shown.shows("starting provider and portal"), "it starts", seconds=30)
        shown.press(CTRL_C)
        assert shown.process.wait(timeout=30) == 0
        assert "Traceback" not in shown.screen
    assert not processes_of(tmp_path)


def test_a_check_that_is_interrupted_has_not_passed(tmp_path: Path) -> None:
    with terminal(command("--check", "--data", tmp_path)) as shown:
        wait_until(lambda: shown.shows("the doctor signs in"), "it walks", seconds=60)
        shown.press(CTRL_C)
        assert shown.process.wait(timeout=30) == 1
    assert not processes_of(tmp_path)
