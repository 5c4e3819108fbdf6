"""`idp serve` does not start on what would be unsafe or unprepared: one line each, exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from idp.storage.database import Database
from idp.storage.keyring import Keyring
from idp.storage.schema import signing_key
from tests.clock import MovableClock
from tests.deployment.processes import clean
from tests.provider import Provider
from tests.servers import free_port

pytestmark = pytest.mark.server

IDP = Path(sys.executable).with_name("idp")


@pytest.fixture
def folder(tmp_path: Path, clock: MovableClock) -> Path:
    """A provider that could be served."""
    made = Provider(tmp_path, clock, listen={"port": free_port(), "workers": 1})
    made.parts.database.dispose()
    (tmp_path / "keyring").chmod(0o600)
    return tmp_path


def change(folder: Path, **settings: Any) -> None:
    file = folder / "idp.yaml"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def serve(folder: Path, **variables: str) -> list[str]:
    """Run `idp serve`, which must refuse, and return its lines."""
    done = subprocess.run(
        [IDP, "serve"],
        env=clean({"IDP_CONFIG": str(folder / "idp.yaml"), **variables}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def test_an_issuer_without_https(folder: Path) -> None:
    (line,) = serve(folder, IDP_ISSUER="http://127.0.0.1:8000")
    assert line.startswith("issuer: https is expected")


def test_a_shifted_clock(folder: Path) -> None:
    (line,) = serve(folder, IDP_CLOCK_SHIFT_FILE=str(folder / "clock"))
    assert line.startswith("clock_shift_file: no shifted clock is expected")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_keyring_that_others_can_read(folder: Path, mode: int) -> None:
    (folder / "keyring").chmod(mode)
    (line,) = serve(folder)
    assert line == f"keyring_file: {folder}/keyring is expected to be readable by its owner alone (chmod 600)"


def test_a_pepper_that_others_can_read(folder: Path) -> None:
    file = folder / "pepper"
    file.write_text(Keyring.generate_line("first"))
    file.chmod(0o644)
    (line,) = serve(folder, IDP_PEPPER_FILE=str(file))
    assert line == f"pepper_file: {file} is expected to be readable by its owner alone (chmod 600)"


def test_a_secret_of_the_proxies_that_others_can_read(folder: Path) -> None:
    file = folder / "proxies"
    file.write_text("the-secret-of-the-proxies-of-the-tests\n")
    file.chmod(0o640)
    change(folder, gateway={"proxy_secret_file": "proxies"})
    (line,) = serve(folder)
    assert (
        line == f"gateway.proxy_secret_file: {file} is expected to be readable by its owner alone (chmod 600)"
    )


def test_every_reason_at_once_one_a_line(folder: Path) -> None:
    (folder / "keyring").chmod(0o644)
    lines = serve(folder, IDP_ISSUER="http://127.0.0.1:8000", IDP_CLOCK_SHIFT_FILE=str(folder / "clock"))
    assert [line.partition(":")[0] for line in lines] == ["issuer", "clock_shift_file", "keyring_file"]


def test_a_keyring_that_is_not_there(folder: Path) -> None:
    (folder / "keyring").unlink()
    (line,) = serve(folder)
    assert "keyring_file: a readable file of encryption keys" in line


def test_a_keyring_whose_name_cannot_be_one(folder: Path) -> None:
    (line,) = serve(folder, IDP_KEYRING_FILE="/" + "x" * 300)
    assert line == "environment:0:0: IDP_KEYRING_FILE: a readable file of encryption keys"


def test_another_keyring_than_the_one_that_sealed_the_signing_keys(folder: Path) -> None:
    (folder / "keyring").write_text(Keyring.generate_line("first"))
    assert serve(folder) == ["keyring_file: the key that sealed the signing keys is expected"]


def test_a_database_without_signing_keys(folder: Path) -> None:
    database = Database(f"sqlite:///{folder}/idp.sqlite")
    with database.write() as connection:
        connection.execute(delete(signing_key).where(signing_key.c.alg == "ES256"))
    database.dispose()
    assert serve(folder) == ["database: signing keys are expected; `idp db upgrade` makes them"]


@pytest.mark.parametrize(
    ("variable", "url"),
    [("IDP_DATABASE_URL", "postgresql://idp@host:port/idp"), ("IDP_EPHEMERAL_URL", "redis://host:port")],
)
def test_an_address_of_a_store_that_cannot_be_one(folder: Path, variable: str, url: str) -> None:
    (line,) = serve(folder, **{variable: url})
    assert line.startswith(f"environment:0:0: {variable}: ")


def test_a_database_that_was_not_migrated(folder: Path) -> None:
    change(folder, database_url="sqlite:///empty.sqlite")
    assert serve(folder) == ["database: `idp db upgrade` is expected first"]


def test_a_database_that_does_not_answer(folder: Path) -> None:
    assert len(serve(folder, IDP_DATABASE_URL=f"postgresql://idp@127.0.0.1:{free_port()}/idp")) == 1


def test_a_mistake_in_a_client_file_is_told_with_its_place(folder: Path) -> None:
    (folder / "clients" / "open.yaml").write_text("client_id: open\n")
    lines = serve(folder)
    assert lines
    assert all(line.startswith(f"{folder}/clients/open.yaml:1:1: ") for line in lines)
