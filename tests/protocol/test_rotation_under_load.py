"""Keys change while two processes serve: no service that keeps its copy of the keys for 300 s ever meets a stranger."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.clock import ShiftedClock
from idp.demo.browser import Browser
from idp.oidc.keys.rotation import SHORTEST_LEAD
from idp.oidc.keys.signing import Signatures
from idp.oidc.keys.store import CACHED
from tests.clock import MovableClock
from tests.deployment.processes import await_health, clean, running
from tests.protocol.answers import header_of
from tests.provider import (
    CLIENT_SECRET,
    VERIFIER,
    Provider,
    Someone,
    authorization_request,
    redirect_uri,
    urlencoded,
)
from tests.servers import PostgresServer, RedisServer, free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.server, pytest.mark.attack(68)]

CLIENTS = {"open": "RS256", "edwards": "EdDSA"}


class Deployment:
    """Two processes, and a clock that they share with the command line."""

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        self.addresses = addresses
        self._shift = folder / "shift"
        self._settings = folder / "idp.yaml"
        self._clock = ShiftedClock(self._shift)
        self._seconds = 0

    def now(self) -> datetime:
        """Return the moment that the processes see."""
        return self._clock.now()

    def advance(self, seconds: int) -> None:
        """Move the clock of everybody; a reader finds the older or the newer number, whole."""
        self._seconds += seconds
        part = self._shift.with_suffix(".part")
        part.write_text(str(self._seconds))
        part.replace(self._shift)

    def idp(self, *arguments: str) -> tuple[int, Any]:
        """Run a verb and return its exit code and the JSON that it printed."""
        argv = [sys.executable, "-c", "from idp.cli import main; main()", *arguments]
        variables = clean({"IDP_CONFIG": str(self._settings)})
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout) if "--json" in arguments else done.stderr


class Service:
    """A relying party that believes its copy of the keys for as long as it may be cached, and nothing else."""

    def __init__(self, deployment: Deployment, client_id: str, turn: int) -> None:
        self._deployment = deployment
        self._client_id = client_id
        self._turn = turn
        self._keys: KeySet | None = None
        self._fetched = deployment.now()

    def sign_in(self, who: Someone) -> dict[str, Any]:
        """Sign in all the way and return the tokens, verified."""
        browser = Browser(stop_at=(f"https://{self._client_id}.test",))
        asked = urlencoded(authorization_request(self._client_id))
        browser.get(f"{self._deployment.addresses[0]}/oauth2/authorize?{asked}")
        browser.submit({"identifier": who.identifier, "password": who.password})
        code = parse_qs(urlsplit(browser.page.url).query)["code"][0]
        back = redirect_uri(self._client_id)
        return self.token(
            grant_type="authorization_code", code=code, redirect_uri=back, code_verifier=VERIFIER
        )

    def token(self, **data: str) -> dict[str, Any]:
        """Ask one process for tokens, and show the access token to the other."""
        answer = requests.post(
            f"{self._next()}/oauth2/token", data=data, auth=(self._client_id, CLIENT_SECRET), timeout=60
        )
        assert answer.status_code == 200, answer.text
        given: dict[str, Any] = answer.json()
        for name in ("id_token", "access_token"):
            jwt.decode(given[name], self._believed(), registry=Signatures())
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        told = requests.get(f"{self._next()}/oauth2/userinfo", headers=headers, timeout=60)
        assert told.status_code == 200, told.text
        return given

    def _believed(self) -> KeySet:
        if self._keys is None or self._deployment.now() - self._fetched >= CACHED:
            self._fetched = self._deployment.now()
            answer = requests.get(f"{self._next()}/oauth2/jwks", timeout=60)
            self._keys = KeySet.import_key_set(answer.json())
        return self._keys

    def _next(self) -> str:
        self._turn += 1
        return self._deployment.addresses[self._turn % 2]


class Load:
    """Services that refresh without a pause, each for a person of its own."""

    def __init__(self, deployment: Deployment, people: list[tuple[str, Someone]]) -> None:
        self.kids: dict[str, set[str]] = defaultdict(set)
        self.failures: list[BaseException] = []
        self.services = [Service(deployment, client_id, turn) for turn, (client_id, _) in enumerate(people)]
        self._given = [one.sign_in(who) for one, (_, who) in zip(self.services, people, strict=True)]
        self._done = [0] * len(people)
        self._stop = Event()
        self._lock = Lock()
        self._threads = [Thread(target=self._go_on, args=(number,)) for number in range(len(people))]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def round(self) -> None:
        """Return when every service refreshed once more, from begin to end."""
        goal = [done + 2 for done in self._done]

        def reached() -> bool:
            assert not self.failures, self.failures
            return all(done >= wanted for done, wanted in zip(self._done, goal, strict=True))

        wait_until(reached, "every service refreshed", seconds=60)

    def _go_on(self, number: int) -> None:
        given = self._given[number]
        try:
            while not self._stop.is_set():
                given = self.services[number].token(
                    grant_type="refresh_token", refresh_token=given["refresh_token"]
                )
                header = header_of(given["id_token"])
                with self._lock:
                    self.kids[header["alg"]].add(header["kid"])
                self._done[number] += 1
        except Exception as failure:
            self.failures.append(failure)


@pytest.fixture
def deployment(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[tuple[Deployment, list[tuple[str, Someone]]]]:
    ports = [free_port(), free_port()]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    more: dict[str, Any] = {"issuer": addresses[0], "clock_shift_file": str(tmp_path / "shift")}
    made = Provider(tmp_path, clock, postgres_server.fresh_database(), redis_server.url, **more)
    people = [
        (client_id, made.add(f"4084{number}{alg}", "LEROUX Ariane"))
        for number in range(2)
        for client_id, alg in CLIENTS.items()
    ]
    made.parts.database.dispose()
    settings = json.loads((tmp_path / "idp.yaml").read_text())
    with ExitStack() as started:
        processes = []
        for port in ports:
            file = tmp_path / f"idp-{port}.yaml"
            file.write_text(json.dumps({**settings, "listen": {"port": port, "workers": 1}}))
            argv = [sys.executable, "-m", "idp.demo.provider", str(file)]
            processes.append(started.enter_context(running(argv, {}, tmp_path)))
        for process, address in zip(processes, addresses, strict=True):
            await_health(process, address, tmp_path)
        yield Deployment(tmp_path, addresses), people


def test_keys_change_and_go_and_nobody_notices(
    deployment: tuple[Deployment, list[tuple[str, Someone]]],
) -> None:
    where, people = deployment
    lead, algs = int(SHORTEST_LEAD.total_seconds()), [f"--alg={alg}" for alg in CLIENTS.values()]
    with Load(where, people) as load:
        load.round()
        before = {key["kid"] for key in where.idp("keys", "list", "--json")[1] if key["alg"] in load.kids}
        code, made = where.idp("keys", "rotate", "--activate-in", str(lead), *algs, "--json")
        assert (code, len(made)) == (0, len(before))
        for _ in range(0, lead, 60):
            where.advance(60)
            load.round()
        assert all(len(kids) == 2 for kids in load.kids.values())
        refused, why = where.idp("keys", "retire", min(before))
        assert (refused, "may live until" in why) == (1, True)
        for _ in range(4):
            where.advance(110)
            load.round()
        Service(where, people[0][0], 0).sign_in(people[0][1])
        assert [where.idp("keys", "retire", kid)[0] for kid in sorted(before)] == [0, 0]
        for _ in range(2):
            where.advance(60)
            load.round()
    assert not load.failures
    for address in where.addresses:
        published = {key["kid"] for key in requests.get(f"{address}/oauth2/jwks", timeout=60).json()["keys"]}
        assert published > {one["kid"] for one in made}
        assert not published & before
