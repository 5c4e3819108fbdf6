"""The demo, browsers to visit it, and people who sit before it."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.people import Doctor
from tests.browser.screen import DESK, Device, Screen
from tests.demo_process import DemoProcess, environment, running_demo

NewScreen = Callable[..., Screen]
NewDoctor = Callable[..., Doctor]


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with running_demo(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def screen(chromium: Browser) -> Iterator[NewScreen]:
    """Make browsers; what their consoles complain about fails the test."""
    with ExitStack() as opened:

        def new(device: Device = DESK, *, scripts: bool = True) -> Screen:
            return opened.enter_context(Screen.opened(chromium, device, scripts=scripts))

        yield new


@pytest.fixture
def doctor(demo: DemoProcess) -> NewDoctor:
    """Add practitioners by the operator's own command."""

    def new(name: str = "LEROUX Ariane") -> Doctor:
        identifier = f"{secrets.randbelow(900_000) + 100_000}"
        password = "".join(secrets.SystemRandom().sample("0123456789", 7))
        subprocess.run(
            [
                *(str(Path(sys.executable).with_name("idp")), "accounts", "add", identifier),
                *("--name", name, "--profile", "health_professional", "--password", password),
                *("--attribute", "matricule_csm=940112", "--attribute", "adeli=061990001"),
                *("--attribute", "phone_number=+33600000000"),
            ],
            env=environment(IDP_CONFIG=str(demo.folder / "idp.yaml")),
            check=True,
            capture_output=True,
            timeout=60,
        )
        return Doctor(demo, name, identifier, password)

    return new
