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
from tests.protocol.apis import with_apis
from tests.protocol.test_token_exchange import exchange, sent, with_actor
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


def test_an_assertion_costs_one_call_of_the_store_more(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    code = provider.browser().sign_in(doctor, "asserting")
    spent.reset()
    body(provider.redeem(code, "asserting"))
    assert spent.kinds == ["INSERT", "SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (1, ["add", "get"])


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


@pytest.mark.parametrize("acting", [False, True], ids=["as_it_is", "with_an_actor"])
def test_exchange_of_an_assistants_token(
    counted: tuple[Provider, Spent], doctor: Someone, *, acting: bool
) -> None:
    """Account and grant are held, the new grant and the line follow. Whether an actor's token counts is asked once."""
    provider, spent = counted
    with_apis(provider)
    token = sent(provider, provider.add_assistant(doctor, "NAUDIN Fernand"))
    actor = with_actor(provider) if acting else {}
    spent.reset()
    body(exchange(provider, token, **actor))
    assert spent.kinds == [*(["SELECT"] if acting else []), "SELECT", "SELECT", "INSERT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (2 if acting else 1, [])


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


def test_userinfo_while_the_grant_is_known_fresh(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    asked = '{"userinfo": {"email": null}, "id_token": {"name": null}}'
    given = tokens(provider, doctor, claims=asked)
    body(provider.userinfo(given["access_token"]))
    spent.reset()
    body(provider.userinfo(given["access_token"]))
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])


def test_claims_asked_for_one_by_one_cost_nothing_more(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    asked = '{"userinfo": {"email": null}, "id_token": {"name": null}}'
    code = provider.browser().sign_in(doctor, claims=asked)
    spent.reset()
    given = body(provider.redeem(code))
    body(provider.refresh(given["refresh_token"]))
    body(provider.userinfo(given["access_token"]))
    assert spent.kinds == ["INSERT", "SELECT", "INSERT", "UPDATE", "SELECT", "INSERT", "SELECT"]


def test_introspection_looks_once_while_what_it_found_is_fresh(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    for statements in (["SELECT"], [], []):
        spent.reset()
        assert body(provider.introspect(given["access_token"]))["active"] is True
        assert (spent.kinds, spent.transactions, spent.ephemeral) == (statements, len(statements), [])
    provider.clock.advance(seconds=provider.settings.revocation_lag)
    spent.reset()
    assert body(provider.introspect(given["access_token"]))["active"] is True
    assert (spent.kinds, spent.transactions, spent.ephemeral) == (["SELECT"], 1, [])


def test_introspection_of_a_refresh_token(counted: tuple[Provider, Spent], doctor: Someone) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    assert body(provider.introspect(given["refresh_token"]))["active"] is True
    assert (spent.kinds, spent.transactions, spent.ephemeral) == (["SELECT"], 1, [])


def test_client_credentials_and_what_stands_behind_them(counted: tuple[Provider, Spent]) -> None:
    provider, spent = counted
    spent.reset()
    token = body(provider.token({"grant_type": "client_credentials"}, "machine"))["access_token"]
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])
    assert body(provider.introspect(token, "records"))["active"] is True
    assert (spent.kinds, spent.transactions, spent.ephemeral) == (["SELECT"], 1, [])
    for kinds in (["INSERT", "INSERT"], ["INSERT"]):
        spent.reset()
        assert provider.revoke(token, "machine").status_code == 200
        assert (spent.kinds, spent.transactions, spent.ephemeral) == (kinds, 1, [])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revocation(counted: tuple[Provider, Spent], doctor: Someone, kind: str) -> None:
    """What was exchanged for the grant goes in one statement with it; another looks that none came meanwhile."""
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    assert provider.revoke(given[kind]).status_code == 200
    assert spent.kinds == ["WITH", "WITH", "SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (1, [])


def test_a_token_of_another_client_is_told_apart_by_itself(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    given = tokens(provider, doctor)
    spent.reset()
    for token in (given["access_token"], given["refresh_token"], given["refresh_token"] + "a"):
        assert body(provider.introspect(token, "portal")) == {"active": False}
        assert provider.revoke(token, "portal").status_code in {200, 400}
    assert (spent.sql, spent.transactions, spent.ephemeral) == ([], 0, [])


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


def test_consent_given_before_costs_one_look_more_where_the_file_requires_it(
    counted: tuple[Provider, Spent], doctor: Someone
) -> None:
    provider, spent = counted
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    visit.authorize("asking")
    visit.submit()
    spent.reset()
    visit.authorize("asking", prompt="none")
    assert "code" in visit.answer
    assert spent.kinds == ["SELECT", "SELECT", "INSERT"]
    assert (spent.transactions, spent.ephemeral) == (3, ["get", "put"])


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
