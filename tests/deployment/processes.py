"""Processes of a deployment, as an operator starts them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.waiting import wait_until


@contextmanager
def running(
    argv: Sequence[str], variables: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with these variables alone beside `PATH`; it is gone after the block."""
    log = folder / f"{Path(argv[0]).name}-{len(list(folder.glob('*.out')))}.out"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, cwd=folder, env=clean(variables), stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without anything of this one but `PATH`."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **variables}


def await_health(process: subprocess.Popen[bytes], address: str, folder: Path) -> None:
    """Return when `/healthz` answers 200; fail with what was said when the process ends before."""

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail("\n".join(file.read_text() for file in folder.glob("*.out")))
        try:
            return requests.get(f"{address}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    wait_until(answers, f"{address} answers", seconds=45)


def catches(process: subprocess.Popen[bytes], sign: signal.Signals) -> bool:
    """Tell whether the process has a handler for the signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (sign - 1) & 1)
