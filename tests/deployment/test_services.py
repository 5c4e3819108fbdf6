"""Each service of `docker-compose.yml` run natively: its own command, its own variables, real PostgreSQL and Redis."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from ruamel.yaml import YAML

from tests.deployment.compose import FILE, Service, placed, services
from tests.deployment.processes import await_health, clean, running
from tests.servers import PostgresServer, free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

ADDRESSES = {"IDP_ISSUER": "https://idp.example.mc", "FSE_PORTAL_BASE_URL": "https://fse.example.mc"}
BIN = Path(sys.executable).parent


class Deployment:
    """The services of the file, with folders for volumes and free ports for those of the containers."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self.folder = folder
        self.services = services(**ADDRESSES)
        self.ports = {name: free_port() for name in ("provider", "portal", "valkey")}
        self._database = urlsplit(postgres.fresh_database())

    def mounts(self, service: Service) -> dict[str, Path]:
        found = {
            mount.target: (FILE.parent if mount.is_bind else self.folder) / mount.source
            for mount in service.mounts
        }
        for folder in found.values():
            folder.mkdir(exist_ok=True)
        # Of the image, where no volume stands over it.
        return {"/etc/idp": FILE.parent / "config", **found}

    def variables(self, name: str) -> dict[str, str]:
        """The service's variables, with paths of this machine; listening on loopback, at the free port."""
        service = self.services[name]
        mounts = self.mounts(service)
        found = {key: placed(value, mounts) for key, value in service.environment.items()}
        found["IDP_CONFIG"] = placed("/etc/idp/idp.yaml", mounts)
        if name == "portal":
            found |= {"FSE_PORTAL_HOST": "127.0.0.1", "FSE_PORTAL_PORT": str(self.ports["portal"])}
        elif name != "secrets":
            found |= {"IDP_LISTEN__HOST": "127.0.0.1", "IDP_LISTEN__PORT": str(self.ports["provider"])}
        return found | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def command(self, name: str) -> list[str]:
        """The service's command, with paths and programs of this machine."""
        mounts = self.mounts(self.services[name])
        return [placed(part, mounts) for part in self.services[name].data["command"]]

    def health(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the service's own health check."""
        return self.run(*(self._here(part, name) for part in self.services[name].health_check), like=name)

    def run(self, *command: str, like: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end with the variables of the service `like`."""
        environment = clean(self.variables(like) | variables)
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def step(self, name: str, **variables: str) -> None:
        """Run a service that ends."""
        done = self.run(*self.command(name), like=name, **variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def find_stores_here(self) -> None:
        """Let the addresses that name containers name the stores of this machine."""
        secrets = self.folder / "provider-secrets"
        database = (secrets / "database_url").read_text()
        assert "@database/idp" in database
        here = f"@127.0.0.1:{self._database.port}{self._database.path}"
        (secrets / "database_url").write_text(database.replace("@database/idp", here))
        ephemeral = (secrets / "ephemeral_url").read_text()
        assert "@valkey:6379/0" in ephemeral
        here = f"@127.0.0.1:{self.ports['valkey']}/0"
        (secrets / "ephemeral_url").write_text(ephemeral.replace("@valkey:6379/0", here))

    def _here(self, text: str, name: str) -> str:
        text = text.replace(":8000/", f":{self.ports['provider']}/").replace(
            ":8081/", f":{self.ports['portal']}/"
        )
        text = text.replace("valkey-cli", f"redis-cli -p {self.ports['valkey']}")
        for target, folder in self.mounts(self.services[name]).items():
            text = text.replace(f"{target}/", f"{folder}/")
        return text


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Deployment:
    """After the steps that run once."""
    made = Deployment(tmp_path_factory.mktemp("deployment"), postgres_server)
    made.step("secrets")
    made.find_stores_here()
    made.step("migrate")
    return made


@pytest.fixture(scope="module")
def up(deployment: Deployment) -> Iterator[Deployment]:
    """With everything running that goes on."""
    valkey = [shutil.which("redis-server") or "", deployment.command("valkey")[1]]
    with ExitStack() as stack:
        options = (
            "--bind",
            "127.0.0.1",
            "--port",
            str(deployment.ports["valkey"]),
            "--dir",
            str(deployment.folder),
        )
        stack.enter_context(running([*valkey, *options], {}, deployment.folder))
        wait_until(lambda: deployment.health("valkey").returncode == 0, "valkey is healthy")
        for name in ("provider", "worker", "portal"):
            process = running(deployment.command(name), deployment.variables(name), deployment.folder)
            started = stack.enter_context(process)
            if name in deployment.ports:
                await_health(started, f"http://127.0.0.1:{deployment.ports[name]}", deployment.folder)
        yield deployment


def test_every_secret_is_random_private_and_made_once(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    first = Deployment(tmp_path, postgres_server)
    first.step("secrets")
    made = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(set(made.values())) == len(made)
    for volume in ("provider-secrets", "portal-secrets"):
        assert all(
            path.stat().st_mode & 0o077 == 0 for path in (tmp_path / volume).rglob("*") if path.is_file()
        )
    first.step("secrets")
    assert {path: path.read_text() for path in made} == made
    assert not list(tmp_path.rglob("*.part"))


def test_a_secret_that_could_not_be_made_stops_the_step(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    first = Deployment(tmp_path, postgres_server)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "idp").write_text("#!/bin/sh\nexit 3\n")
    (broken / "idp").chmod(0o755)
    path = f"{broken}:{os.environ['PATH']}"
    assert first.run(*first.command("secrets"), like="secrets", PATH=path).returncode == 3
    assert not (tmp_path / "provider-secrets" / "keyring").exists()
    first.step("secrets")
    keys = [(tmp_path / "provider-secrets" / name).read_text() for name in ("keyring", "pepper")]
    assert keys[0] != keys[1]


def test_the_portals_client_file_has_this_deployments_addresses_and_digest(deployment: Deployment) -> None:
    file = deployment.folder / "provider-secrets" / "clients" / "fse-portal.yaml"
    client = YAML(typ="safe").load(file)
    portal = ADDRESSES["FSE_PORTAL_BASE_URL"]
    assert client["redirect_uris"] == [f"{portal}/callback"]
    assert client["post_logout_redirect_uris"] == [f"{portal}/goodbye"]
    assert client["initiate_login_uri"] == f"{portal}/login"
    assert "example.org" not in file.read_text()
    before = YAML(typ="safe").load(FILE.parent / "config" / "clients" / "fse-portal.yaml")
    assert client["client_secret_sha256"] != before["client_secret_sha256"]


def test_the_configuration_is_valid_with_the_variables_of_the_provider(deployment: Deployment) -> None:
    done = deployment.run("idp", "config", "check", like="provider")
    assert done.returncode == 0, done.stderr
    refused = deployment.run("idp", "config", "check", like="provider", IDP_ISSUER="https://idp.example.mc/")
    assert (refused.returncode, refused.stderr.partition(" IDP_ISSUER")[0]) == (1, "environment:0:0:")


@pytest.mark.parametrize("name", ["provider", "worker", "portal", "valkey"])
def test_each_service_is_healthy_by_its_own_check(up: Deployment, name: str) -> None:
    done = up.health(name)
    assert done.returncode == 0, done.stderr


def test_the_provider_believes_its_proxy_and_signs_for_its_https_issuer(up: Deployment) -> None:
    address = f"http://127.0.0.1:{up.ports['provider']}"
    discovery = requests.get(f"{address}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == ADDRESSES["IDP_ISSUER"]
    proxied = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "idp.example.mc",
        "X-Forwarded-For": "192.0.2.1",
    }
    home = requests.get(f"{address}/", headers=proxied, timeout=10)
    assert home.status_code == 200
    assert all(cookie.secure and cookie.name.startswith("__Host-") for cookie in home.cookies)
    assert home.headers["Strict-Transport-Security"]


def test_the_portal_sends_people_to_the_provider_only_once_it_answers(up: Deployment) -> None:
    portal = f"http://127.0.0.1:{up.ports['portal']}"
    assert requests.get(f"{portal}/", timeout=10).status_code == 200
    assert requests.get(f"{portal}/login", timeout=20, allow_redirects=False).status_code == 503


def test_no_health_check_passes_for_what_does_not_run(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    idle = Deployment(tmp_path, postgres_server)
    idle.step("secrets")
    idle.find_stores_here()
    for name in ("provider", "worker", "portal", "valkey"):
        assert idle.health(name).returncode != 0, name
