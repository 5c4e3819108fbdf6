"""The demo, browsers to visit it, and people who sit before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.browser.people import Doctor
from tests.browser.screen import DESK, Device, Screen
from tests.demo_process import DemoProcess, running_demo

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
        added = demo.add_doctor(name)
        return Doctor(demo, added["name"], added["identifier"], added["password"])

    return new
