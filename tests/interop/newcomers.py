"""A service that comes by `idp clients new` while the provider runs, with what was printed for its people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from click.testing import CliRunner

from idp.cli import main
from tests.deployment.processes import running
from tests.provider import Provider
from tests.servers import free_port
from tests.waiting import wait_until


@dataclass(frozen=True)
class Newcomer:
    """What its people have: an address, the secret, and the files as they were printed."""

    address: str
    secret: str | None
    files: Mapping[str, str]

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]

    @property
    def host(self) -> str:
        return self.address.partition("://")[2]


def added(
    provider: Provider, framework: str, *more: str, address: str | None = None, name: str = "Nouveau service"
) -> Newcomer:
    """Add a service for practitioners and their assistants, and wait until the running provider has taken its file."""
    address = address or f"http://127.0.0.1:{free_port()}"
    given = [
        "--name",
        name,
        "--framework",
        framework,
        "--address",
        address,
        "--profile",
        "health_professional",
    ]
    folder = provider.settings.clients_folder.parent
    made = CliRunner().invoke(
        main,
        ["clients", "new", f"new-{framework}", *given, "--assistants", "allowed", *more, "--json"],
        env={"IDP_CONFIG": str(folder / "idp.yaml")},
    )
    assert (made.exit_code, made.stderr) == (0, ""), made.output
    told = json.loads(made.stdout)
    asked = {"client_id": told["client_id"], "redirect_uri": told["redirect_uris"][0]}

    def taken() -> bool:
        # An unknown service or address gets a page; a known one gets its mistakes back.
        url = f"{provider.settings.issuer}/oauth2/authorize"
        return requests.get(url, params=asked, allow_redirects=False, timeout=10).is_redirect

    wait_until(taken, "the running provider has taken the new file", seconds=10)
    files = {one["file"]: one["text"] for one in told["snippets"]}
    return Newcomer(address, told["client_secret"], files)


@contextmanager
def listening(argv: list[str], variables: Mapping[str, str], folder: Path, address: str) -> Iterator[None]:
    """Run a service until the end of the block; it answers at its address, whatever it says."""
    with running(argv, variables, folder) as process:

        def answers() -> bool:
            assert process.poll() is None, [log.read_text() for log in folder.glob("*.out")]
            try:
                return bool(requests.get(address, timeout=5, allow_redirects=False).status_code)
            except requests.RequestException:
                return False

        wait_until(answers, f"{address} answers", seconds=45)
        yield
