"""Two provider processes over the same stores: what may happen once happens once, wherever it is asked for."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests

from idp.demo.browser import Browser
from tests.clock import MovableClock
from tests.deployment.processes import await_health, running
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

pytestmark = pytest.mark.server

ATTEMPTS = 40
CLIENT = "open"


class Pair:
    """Two processes of one provider; `doctor` has activated."""

    def __init__(self, addresses: list[str], doctor: Someone) -> None:
        self.addresses = addresses
        self.doctor = doctor

    def code(self) -> str:
        """Sign the doctor in at the first process and return the authorization code."""
        browser = Browser(stop_at=(f"https://{CLIENT}.test",))
        browser.get(f"{self.addresses[0]}/oauth2/authorize?{urlencoded(authorization_request(CLIENT))}")
        browser.submit({"identifier": self.doctor.identifier, "password": self.doctor.password})
        assert self.doctor.secret is not None
        browser.submit({"code": pyotp.TOTP(self.doctor.secret).at(int(time.time()))})
        return parse_qs(urlsplit(browser.page.url).query)["code"][0]

    def token(self, which: int, **data: str) -> requests.Response:
        """Ask the token endpoint of one process."""
        address = self.addresses[which % len(self.addresses)]
        return requests.post(f"{address}/oauth2/token", data=data, auth=(CLIENT, CLIENT_SECRET), timeout=60)

    def userinfo(self, which: int, access_token: str) -> requests.Response:
        """Ask the userinfo endpoint of one process."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return requests.get(f"{self.addresses[which]}/oauth2/userinfo", headers=headers, timeout=60)


@pytest.fixture(params=["SQLite", "PostgreSQL and Redis"])
def pair(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Pair]:
    database_url, ephemeral_url = None, "sql:"
    if request.param != "SQLite":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        redis: RedisServer = request.getfixturevalue("redis_server")
        database_url, ephemeral_url = postgres.fresh_database(), redis.url
    ports = [free_port(), free_port()]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    made = Provider(tmp_path, clock, database_url, ephemeral_url, issuer=addresses[0])
    doctor = made.add("408461", "LEROUX Ariane", mfa=True)
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
        yield Pair(addresses, doctor)


def at_once(attempt: Callable[[int], requests.Response]) -> list[requests.Response]:
    """Make every attempt at the same moment."""
    barrier = Barrier(ATTEMPTS)

    def together(number: int) -> requests.Response:
        barrier.wait(timeout=30)
        return attempt(number)

    with ThreadPoolExecutor(ATTEMPTS) as pool:
        return list(pool.map(together, range(ATTEMPTS)))


@pytest.mark.attack(19)
def test_a_code_raced_on_two_workers_gives_one_success_and_its_replays_kill_the_tokens(pair: Pair) -> None:
    exchange = {
        "grant_type": "authorization_code",
        "code": pair.code(),
        "redirect_uri": redirect_uri(CLIENT),
        "code_verifier": VERIFIER,
    }
    answers = at_once(lambda number: pair.token(number, **exchange))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: ATTEMPTS - 1}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    tokens = next(answer.json() for answer in answers if answer.ok)
    for which in range(2):
        assert pair.userinfo(which, tokens["access_token"]).status_code == 401
        refreshed = pair.token(which, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.attack(21)
def test_a_refresh_token_raced_on_two_workers_has_one_successor(pair: Pair) -> None:
    tokens = pair.token(
        0,
        grant_type="authorization_code",
        code=pair.code(),
        redirect_uri=redirect_uri(CLIENT),
        code_verifier=VERIFIER,
    ).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = at_once(lambda number: pair.token(number, **refresh))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert pair.userinfo(1, answers[0].json()["access_token"]).status_code == 200


@pytest.mark.attack(2)
def test_a_phones_code_raced_on_two_workers_signs_in_once(pair: Pair) -> None:
    assert pair.doctor.secret is not None
    waiting = []
    for number in range(8):
        address = pair.addresses[number % 2]
        browser = Browser(stop_at=(f"https://{CLIENT}.test",))
        browser.get(f"{address}/oauth2/authorize?{urlencoded(authorization_request(CLIENT))}")
        # Redirects are relative, so each browser stays with its own process.
        page = browser.submit({"identifier": pair.doctor.identifier, "password": pair.doctor.password})
        assert page.url.startswith(address), page.url
        waiting.append(browser)
    code = pyotp.TOTP(pair.doctor.secret).at(int(time.time()))
    barrier = Barrier(len(waiting))

    def enter(browser: Browser) -> str:
        barrier.wait(timeout=30)
        return browser.submit({"code": code}).url

    with ThreadPoolExecutor(len(waiting)) as pool:
        ended = list(pool.map(enter, waiting))
    assert len([url for url in ended if url.startswith(f"https://{CLIENT}.test/")]) == 1
