"""What the portal is told, and what it refuses to start with."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fse_portal
import pytest
from click.testing import CliRunner
from fse_portal.cli import main
from fse_portal.clock import ShiftedClock
from fse_portal.settings import SettingsRefused, load_settings

from tests.portal.stand_in import ABSENT, CLIENT_SECRET, StandIn

RIGHT = {
    "issuer": "https://id.example",
    "base_url": "https://fse.example",
    "client_id": "portail-fse",
    "client_secret": CLIENT_SECRET,
    "secret_key": "k" * 32,
    "database": "portal.sqlite",
}


def environment(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    for name, value in (RIGHT | changes).items():
        if value is not ABSENT:
            monkeypatch.setenv(f"FSE_PORTAL_{name.upper()}", str(value))


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    settings = load_settings()
    assert settings.profile_page == "https://id.example/profile"
    assert CLIENT_SECRET not in repr(settings)


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    environment(monkeypatch, client_secret=ABSENT, client_secret_file=tmp_path / "secret")
    assert load_settings().client_secret.get_secret_value() == "from the file"


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"issuer": ABSENT}, "FSE_PORTAL_ISSUER"),
        ({"issuer": "http://id.example"}, "FSE_PORTAL_ISSUER"),
        ({"issuer": "id.example"}, "FSE_PORTAL_ISSUER"),
        ({"issuer": "https://id.example/"}, "FSE_PORTAL_ISSUER"),
        ({"base_url": "https://fse.example/portal"}, "FSE_PORTAL_BASE_URL"),
        ({"base_url": "http://fse.example"}, "FSE_PORTAL_BASE_URL"),
        ({"client_secret": ABSENT}, "FSE_PORTAL_CLIENT_SECRET"),
        ({"secret_key": "too short"}, "FSE_PORTAL_SECRET_KEY"),
        ({"required_acr": "gold"}, "FSE_PORTAL_REQUIRED_ACR"),
        ({"provider_timeout_seconds": "2.6"}, "FSE_PORTAL_PROVIDER_TIMEOUT_SECONDS"),
        ({"port": "http"}, "FSE_PORTAL_PORT"),
        ({"shifted_clock": "clock"}, "FSE_PORTAL_SHIFTED_CLOCK"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], variable: str
) -> None:
    environment(monkeypatch, **changes)
    with pytest.raises(SettingsRefused) as refused:
        load_settings()
    (line,) = refused.value.args
    assert line.startswith(f"{variable}: ")
    assert "too short" not in line.partition(":")[2] or "secret" not in variable.lower()
    stopped = CliRunner().invoke(main, ["serve"])
    assert (stopped.exit_code, stopped.stderr.strip()) == (1, line)


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, secret_key=ABSENT, secret_key_file="/nowhere/key")
    with pytest.raises(SettingsRefused, match="/nowhere/key"):
        load_settings()


def test_check_says_whether_the_provider_answers(
    monkeypatch: pytest.MonkeyPatch, provider: StandIn, tmp_path: Path
) -> None:
    environment(monkeypatch, issuer=provider.issuer, database=tmp_path / "portal.sqlite")
    good = CliRunner().invoke(main, ["check"])
    assert (good.exit_code, good.stdout) == (0, f"{provider.issuer}: 1 keys, with logout at the provider\n")
    provider.does.down = True
    bad = CliRunner().invoke(main, ["check"])
    assert (bad.exit_code, bad.stdout) == (1, "")
    assert bad.stderr.startswith("FSE_PORTAL_ISSUER: ")


def test_a_shifted_clock_follows_its_file(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path / "shift")
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
    (tmp_path / "shift").write_text("86400\n")
    assert abs((clock.now() - datetime.now(UTC)).total_seconds() - 86400) < 5


def test_the_portal_imports_nothing_of_the_provider() -> None:
    for file in Path(fse_portal.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0].startswith("idp")], file
