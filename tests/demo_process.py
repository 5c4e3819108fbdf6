"""The demo as people run it: `idp demo --json` in a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyotp

SECONDS = 60


@dataclass(frozen=True)
class DemoProcess:
    """A demo that answers; `told` is the line of JSON."""

    process: subprocess.Popen[str]
    folder: Path
    told: dict[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.told["issuer"])

    @property
    def portal(self) -> str:
        return str(self.told["portal"])

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(urlsplit(self.told[name]).port or 0 for name in ("issuer", "portal", "legacy"))

    def person(self, role: str, *, mfa: bool) -> dict[str, Any]:
        """The first seeded person of that kind."""
        return next(one for one in self.told["accounts"] if (one["role"], one["mfa"]) == (role, mfa))

    def code(self, secret: str) -> str:
        """The code that a phone shows now, by the demo's clock."""
        return pyotp.TOTP(secret).at(int(time.time()) + self._shift())

    def next_code(self, secret: str) -> str:
        """The code of the step after this one; the demo's clock is moved to it."""
        self.pass_time(30)
        return self.code(secret)

    def pass_time(self, seconds: int) -> None:
        """Move the demo's clock forwards, the portal's with it."""
        part = self.folder / "clock.part"
        part.write_text(str(self._shift() + seconds))
        part.replace(self.folder / "clock")

    def add_doctor(self, name: str) -> dict[str, Any]:
        """Add a practitioner by the operator's own command: what they type, no phone yet."""
        identifier = f"{secrets.randbelow(900_000) + 100_000}"
        password = "".join(secrets.SystemRandom().sample("0123456789", 7))
        subprocess.run(
            [
                *(str(Path(sys.executable).with_name("idp")), "accounts", "add", identifier),
                *("--name", name, "--profile", "health_professional", "--password", password),
                *("--attribute", "matricule_csm=940112", "--attribute", "adeli=061990001"),
                *("--attribute", "phone_number=+33600000000"),
            ],
            env=environment(IDP_CONFIG=str(self.folder / "idp.yaml")),
            check=True,
            capture_output=True,
            timeout=SECONDS,
        )
        return {"name": name, "identifier": identifier, "password": password}

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send the signal; return exit code and what came on stdout and stderr after the line."""
        self.process.send_signal(sign)
        rest, words = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, rest, words

    def _shift(self) -> int:
        file = self.folder / "clock"
        return int(file.read_text()) if file.exists() else 0


def command(*arguments: object) -> list[str]:
    """The command line of `idp demo` on any free ports."""
    return [str(Path(sys.executable).with_name("idp")), "demo", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """The environment without settings of provider or portal."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("IDP_", "FSE_PORTAL_", "LEGACY_PORTAL_"))
    }
    return kept | changes


def run(*arguments: object, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `idp demo` to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**(variables or {})),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def processes_of(folder: Path) -> list[str]:
    """The command lines of what still runs for the demo of `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = [(process / name).read_bytes() for name in ("cmdline", "environ")]
        except OSError:
            continue
        if any(str(folder).encode() in text for text in told):
            found.append(told[0].replace(b"\0", b" ").decode())
    return found


@contextmanager
def running_demo(folder: Path, *arguments: str) -> Iterator[DemoProcess]:
    """Give a demo on free ports that keeps its data in `folder`; nothing of it is left after the block."""
    argv = command("--json", "--port", 0, "--portal-port", 0, "--data", folder, *arguments)
    process = subprocess.Popen(
        argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield DemoProcess(process, folder, json.loads(line))
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=SECONDS)
