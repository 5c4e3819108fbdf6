from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo_process import DemoProcess, running_demo


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProcess]:
    with running_demo(tmp_path / "demo") as running:
        yield running


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A demo for tests that change nothing."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running
