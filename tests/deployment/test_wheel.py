"""The wheel is whole: built from the tree, installed without it, it runs the demo's check."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.deployment.processes import clean

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "install")


def run(folder: Path, *argv: str | Path, variables: dict[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed on stdout."""
    done = subprocess.run(
        list(map(str, argv)),
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(ROOT, sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_templates_static_files_configuration_schemas_and_migrations_are_inside(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, inside in (("templates", "idp/_templates"), ("config", "idp/_config")):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        assert files
        assert {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} <= names
    for path in (ROOT / "idp/storage/migrations").rglob("*.py"):
        assert path.relative_to(ROOT).as_posix() in names
    assert "fse_portal/templates/base.html" in names
    assert "fse_portal/static/portal.css" in names
    assert "legacy_portal/templates/base.html" in names
    assert "flask_relying_party/templates/relying_party/error.html" in names
    assert "flask_relying_party/py.typed" in names


def test_nothing_else_is_inside(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        *("idp", "idp_password", "idp_totp", "idp_health_claims", "idp_smtp", "idp_webhook", "fse_portal"),
        *("flask_relying_party", "legacy_portal"),
    }
    assert not [name for name in names if name.endswith((".pyc", ".sqlite", ".log")) or "/tests/" in name]


def test_installed_alone_it_runs_the_check_and_finds_its_configuration(wheel: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(tmp_path, sys.executable, "-m", "venv", tmp_path / "bare")
    python = tmp_path / "bare" / "bin" / "python"
    # The package index of this machine, if it needs settings of its own, but nothing of the checkout.
    hashed = ("--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements" / "runtime.txt")
    run(elsewhere, python, *PIP, *hashed, variables=without_checkout())
    run(elsewhere, python, *PIP, "--no-deps", "--no-index", wheel, variables=without_checkout())
    where = run(elsewhere, python, "-c", "import idp, fse_portal; print(idp.__file__, fse_portal.__file__)")
    assert str(ROOT) not in where
    idp = python.with_name("idp")
    environment = clean({"HOME": str(elsewhere), "COLUMNS": "80"})
    shown = run(elsewhere, idp, "demo", "--check", variables=environment)
    assert "NAUDIN" in shown
    assert not list(elsewhere.iterdir())
    packaged = python.parents[1].glob("lib/python*/site-packages/idp/_config/idp.yaml")
    run(elsewhere, idp, "config", "check", variables=environment | {"IDP_CONFIG": str(next(packaged))})


def without_checkout() -> dict[str, str]:
    """This environment but for what would bring the checkout in."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
