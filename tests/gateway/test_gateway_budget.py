"""What a decision may cost: round trips to the short-lived store, SQL statements and key operations, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event

from idp.app import create_app
from idp.oidc.tokens import TokenMint
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from tests.clock import MovableClock
from tests.gateway.visiting import ANSWER, AUTH, FORWARD, PORTAL, Browser, guarding
from tests.protocol.test_budget import CountingStore, Spent
from tests.provider import Someone
from tests.servers import PostgresServer, RedisServer

Counted = tuple[Browser, Spent, list[str]]


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.server)])
def counted(
    request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counted]:
    """Give a browser before a provider that counts; the ephemeral store has connections of its own."""
    if request.param == "servers":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        redis: RedisServer = request.getfixturevalue("redis_server")
        provider = guarding(tmp_path, clock, postgres.fresh_database(), redis.url)
    else:
        provider = guarding(tmp_path, clock)
    spent, signed = Spent(), list[str]()
    beside = Database(provider.settings.database_url)
    store = CountingStore(open_ephemeral(provider.settings.ephemeral_url, beside, clock), spent)
    provider.parts = replace(provider.parts, ephemeral=cast("EphemeralStore", store))
    provider.app = create_app(provider.settings, provider.parts)

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            spent.sql.append(statement)

    sign = TokenMint.signed

    def signing(mint: TokenMint, alg: str, kind: str, claims: dict[str, Any]) -> str:
        signed.append(kind)
        return sign(mint, alg, kind, claims)

    event.listen(provider.parts.database.engine, "before_cursor_execute", executed)
    monkeypatch.setattr(TokenMint, "signed", signing)
    yield Browser(provider), spent, signed
    for database in (provider.parts.database, beside):
        database.dispose()


@pytest.fixture
def doctor(counted: Counted) -> Someone:
    return counted[0].provider.add("408461", "Claire Moretti", mfa=True)


def cost(
    counted: Counted, path: str, endpoint: str = FORWARD, **how: Any
) -> tuple[int, list[str], list[str], list[str]]:
    """Return status, calls of the store, statements and signatures of one question."""
    browser, spent, signed = counted
    spent.reset()
    signed.clear()
    status = browser.ask(path, endpoint, **how).status_code
    return status, list(spent.ephemeral), spent.kinds, list(signed)


@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_a_decision_looks_once_while_what_it_found_is_fresh(
    counted: Counted, doctor: Someone, endpoint: str
) -> None:
    browser = counted[0]
    browser.sign_in(doctor)
    browser.provider.clock.advance(seconds=browser.provider.settings.revocation_lag)
    fresh: tuple[int, list[str], list[str], list[str]] = (204, ["get"], [], ["gateway+jwt"])
    assert cost(counted, "/", endpoint) == (204, ["get"], ["SELECT"], ["gateway+jwt"])
    assert cost(counted, "/compte", endpoint) == cost(counted, "/", endpoint) == fresh
    assert cost(counted, "/", endpoint, method="POST", headers={"Accept": "application/json"}) == fresh


def test_the_use_of_a_session_is_noted_once_a_minute(counted: Counted, doctor: Someone) -> None:
    browser = counted[0]
    browser.sign_in(doctor)
    browser.provider.clock.advance(seconds=30)
    assert cost(counted, "/")[1:3] == (["get"], ["SELECT"])
    browser.provider.clock.advance(seconds=30)
    browser.provider.http().get("/oauth2/jwks")  # every minute somebody looks for new keys
    assert cost(counted, "/")[1:3] == (["get", "replace"], ["SELECT"])
    assert cost(counted, "/")[1:3] == (["get"], [])


def test_a_public_page_and_whatever_nobody_may_open_cost_nothing(counted: Counted, doctor: Someone) -> None:
    browser = counted[0]
    browser.sign_in(doctor)
    for path, origin, status in (
        ("/static/x", PORTAL, 204),
        ("/", "https://unknown.test", 403),
        ("/static/../x", PORTAL, 400),
    ):
        for endpoint in (FORWARD, ANSWER):
            expected = 503 if (status, endpoint) == (204, ANSWER) else status
            assert cost(counted, path, endpoint, origin=origin) == (expected, [], [], [])


def test_who_is_not_signed_in_costs_what_sending_them_away_does(counted: Counted) -> None:
    program = {"Accept": "application/json"}
    assert cost(counted, "/", AUTH) == (401, [], [], [])
    assert cost(counted, "/", headers=program) == (401, [], [], [])
    assert cost(counted, "/") == (302, ["put"], [], [])
    unknown = {**program, "Cookie": "__Host-gateway=unknown"}
    assert cost(counted, "/", headers=unknown) == (401, ["get"], [], [])


def test_a_refusal_writes_its_line_once(counted: Counted, doctor: Someone) -> None:
    browser = counted[0]
    browser.sign_in(browser.provider.add_assistant(doctor, "NAUDIN Fernand"))
    assert cost(counted, "/in-person") == (403, ["get", "add"], ["INSERT"], [])
    assert cost(counted, "/in-person") == (403, ["get", "add"], [], [])


def test_coming_back_redeems_the_code_as_the_token_endpoint_does_once_the_session_lies_there(
    counted: Counted, doctor: Someone
) -> None:
    browser, spent, signed = counted
    browser.open("/")
    browser.visit.identify(doctor)
    browser.visit.enter_code(doctor)
    assert browser.visit.left_for is not None
    spent.reset()
    signed.clear()
    assert browser.own(browser.visit.left_for).status_code == 302
    assert (spent.kinds, spent.ephemeral, signed) == (
        ["SELECT", "INSERT", "SELECT", "INSERT"],
        ["take", "get", "put"],
        [],
    )
