"""What a request may cost (design.md): SQL statements, transactions and calls of the ephemeral store, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event

from idp.app import create_app
from idp.storage.database import Database
from idp.storage.ephemeral import EphemeralStore, open_ephemeral
from tests.clock import MovableClock
from tests.protocol.answers import body, tokens
from tests.provider import Provider, Someone
from tests.servers import PostgresServer, RedisServer


@dataclass
class Spent:
    """What was spent since the last ``reset``."""

    sql: list[str] = field(default_factory=list)
    transactions: int = 0
    ephemeral: list[str] = field(default_factory=list)

    def reset(self) -> None:
        self.sql.clear()
        self.ephemeral.clear()
        self.transactions = 0

    @property
    def kinds(self) -> list[str]:
        """The first word of each statement."""
        return [statement.split()[0] for statement in self.sql]


class CountingStore:
    """An ephemeral store that notes each call."""

    def __init__(self, store: EphemeralStore, spent: Spent) -> None:
        self._store = store
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        def counted(*arguments: Any) -> Any:
            self._spent.ephemeral.append(name)
            return call(*arguments)

        return counted


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.server)])
def counted(
    request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock
) -> Iterator[tuple[Provider, Spent]]:
    """Give a provider that counts. The ephemeral store has connections of its own, so that each is counted once."""
    if request.param == "servers":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        redis: RedisServer = request.getfixturevalue("redis_server")
        provider = Provider(tmp_path, clock, postgres.fresh_database(), redis.url)
    else:
        provider = Provider(tmp_path, clock)
    spent = Spent()
    beside = Database(provider.settings.database_url)
    store = CountingStore(open_ephemeral(provider.settings.ephemeral_url, beside, clock), spent)
    provider.parts = replace(provider.parts, ephemeral=cast("EphemeralStore", store))
    provider.app = create_app(provider.settings, provider.parts)
    engine = provider.parts.database.engine

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            spent.sql.append(statement)

    def begun(_connection: object) -> None:
        spent.transactions += 1

    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "begin", begun)
    yield provider, spent
    for database in (provider.parts.database, beside):
        database.dispose()


@pytest.fixture
def doctor(counted: tuple[Provider, Spent]) -> Someone:
    return counted[0].add("408461", "Claire Moretti", mfa=True)


def test_code_exchange(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    code = provider.browser().sign_in(doctor)
    spent.reset()
    body(provider.redeem(code))
    assert spent.kinds == ["INSERT", "SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (1, ["get"])


def test_code_exchange_of_an_assistant_notes_the_use_of_the_delegation(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    code = provider.browser().sign_in(provider.add_assistant(doctor, "NAUDIN Fernand"))
    spent.reset()
    body(provider.redeem(code))
    assert spent.kinds == ["INSERT", "SELECT", "UPDATE", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (1, ["get"])


def test_refresh(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    body(provider.refresh(given["refresh_token"]))
    assert spent.kinds == ["UPDATE", "SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (1, [])


def test_refresh_for_a_lost_answer(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    body(provider.refresh(given["refresh_token"]))
    spent.reset()
    body(provider.refresh(given["refresh_token"]))
    assert spent.kinds == ["UPDATE", "SELECT", "SELECT"]
    assert (spent.transactions, spent.ephemeral) == (1, [])


def test_userinfo(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    body(provider.userinfo(given["access_token"]))
    assert spent.kinds == ["SELECT"]
    assert (spent.transactions, spent.ephemeral) == (1, [])


@pytest.mark.parametrize("client_id", ["open", "strict"])
def test_single_sign_on_costs_one_look_and_one_line_in_the_journal(
    counted: tuple[Provider, Spent], doctor: Someone, client_id: str
) -> None:
    """At a service where the session has been before (``open``) that line is there already."""
    provider, spent = counted
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    spent.reset()
    visit.authorize(client_id, prompt="none")
    assert "code" in visit.answer
    assert spent.kinds == ["SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (2, ["get", "put"])


def test_a_sign_in_costs_no_more_than_is_said_at_each_step(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    visit = provider.browser()
    spent.reset()
    visit.authorize("open")
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, ["put", "get"])
    for enter, statements, calls in ((visit.identify, 9, 5), (visit.enter_code, 18, 7)):
        spent.reset()
        enter(doctor)
        assert len(spent.sql) <= statements, spent.kinds
        assert len(spent.ephemeral) <= calls, spent.ephemeral
    assert "code" in visit.answer


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth2/jwks"])
def test_discovery_and_keys(counted: tuple[Provider, Spent], path: str) -> None:
    provider, spent = counted
    spent.reset()
    body(provider.http().get(path))
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])


def test_a_guess_that_no_key_of_ours_signed(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    assert provider.refresh(given["refresh_token"] + "a").status_code == 400
    assert provider.userinfo(given["access_token"] + "a").status_code == 401
    assert provider.http().post("/oauth2/token", data={"grant_type": "refresh_token"}).status_code == 401
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])
