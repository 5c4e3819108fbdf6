"""An exchange and what ends its subject at the same moment: nothing is left alive, whoever comes first (attack 31)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.protocol.answers import body
from tests.protocol.apis import api, with_apis
from tests.protocol.test_resource_indicators import asked, code_of
from tests.protocol.test_token_exchange import exchange, sent
from tests.provider import Provider, Someone
from tests.servers import PostgresServer, RedisServer
from tests.storage.racing import race

ROUNDS = 5
Case = Callable[[Provider, Someone], tuple[Callable[[], object], str]]
"""Returns what ends a token, and the token."""


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.server)])
def racing(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider on either database."""
    if request.param == "servers":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        redis: RedisServer = request.getfixturevalue("redis_server")
        provider = Provider(tmp_path, clock, postgres.fresh_database(), redis.url)
    else:
        provider = Provider(tmp_path, clock)
    yield with_apis(provider)
    provider.parts.database.dispose()


def revoked(provider: Provider, doctor: Someone) -> tuple[Callable[[], object], str]:
    token = sent(provider, doctor)
    return lambda: provider.revoke(token, "front"), token


def signed_out(provider: Provider, doctor: Someone) -> tuple[Callable[[], object], str]:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    code = code_of(asked(visit, api("orders"), scope="openid orders.read"), doctor)
    token = str(body(provider.redeem(code, "front"))["access_token"])
    visit.get("/logout")
    return visit.submit, token


def removed(provider: Provider, doctor: Someone) -> tuple[Callable[[], object], str]:
    token = sent(provider, provider.add_assistant(doctor, "NAUDIN Fernand"))
    return lambda: provider.remove_assistant(doctor, "NAUDIN Fernand"), token


@pytest.mark.attack(31)
@pytest.mark.parametrize("case", [revoked, signed_out, removed])
def test_what_ends_a_token_raced_with_its_exchanges_leaves_nothing_alive(
    racing: Provider, case: Case
) -> None:
    doctor = racing.add("408461", "Claire Moretti", mfa=True)
    for _ in range(ROUNDS):
        end, token = case(racing, doctor)
        for answer in _ended_while(end, 2, lambda token=token: exchange(racing, token)):  # type: ignore[misc]
            assert_dead(racing, answer, "files")


@pytest.mark.attack(31)
def test_a_revocation_of_the_first_raced_with_the_exchange_of_the_second_leaves_nothing_alive(
    racing: Provider,
) -> None:
    doctor = racing.add("408461", "Claire Moretti", mfa=True)
    for _ in range(ROUNDS):
        end, token = revoked(racing, doctor)
        second = exchange(racing, token)
        (third,) = _ended_while(end, 1, lambda second=second: _traded_on(racing, second))  # type: ignore[misc]
        assert_dead(racing, second, "files")
        assert_dead(racing, third, "orders")


def assert_dead(provider: Provider, answer: TestResponse, client_id: str) -> None:
    """Check that nothing was given, or that it does not count."""
    if answer.status_code == 200:
        token = answer.get_json()["access_token"]
        assert body(provider.introspect(token, client_id)) == {"active": False}
    else:
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def _traded_on(provider: Provider, answer: TestResponse) -> TestResponse:
    return exchange(provider, str(body(answer)["access_token"]), "files", audience="orders")


def _ended_while(
    end: Callable[[], object], count: int, act: Callable[[], TestResponse]
) -> list[TestResponse]:
    """Do ``end`` once and ``act`` ``count`` times, all at the same moment; return what ``act`` gave."""
    given: list[TestResponse] = []

    def one(number: int) -> None:
        if number:
            given.append(act())
        else:
            end()

    race(count + 1, one)
    assert len(given) == count
    return given
