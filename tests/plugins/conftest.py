"""Settings for plugins, and plugins that a test installs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from idp.settings import Settings, load_settings
from tests.config.samples import SETTINGS

MakeSettings = Callable[..., Settings]
Install = Callable[[str, str, str], None]

CHEAP = "argon2: {memory_kib: 7168, time_cost: 1, workers: 2}\n"


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Give a function that returns settings with more YAML after the smallest valid file."""

    def made(more: str = "", argon2: str = CHEAP) -> Settings:
        file = tmp_path / "idp.yaml"
        file.write_text(SETTINGS + argon2 + more, encoding="utf-8")
        return load_settings(file, environ={})

    return made


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Give a function that installs a module with its entry points, as pip would; it is gone after the test."""
    folder, modules = tmp_path / "site-packages", []
    folder.mkdir()

    def installed(module: str, source: str, entry_points: str) -> None:
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="ascii"
        )
        (info / "entry_points.txt").write_text(entry_points, encoding="ascii")
        monkeypatch.syspath_prepend(folder)
        modules.append(module)

    yield installed
    for module in modules:
        sys.modules.pop(module, None)
