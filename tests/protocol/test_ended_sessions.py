"""What was out when a session ended: its codes give nothing, at once or raced (RFC 9700 §4.13, attack 31)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest

from tests.clock import MovableClock
from tests.protocol.answers import activate, body, token_error
from tests.provider import Provider, Someone
from tests.servers import PostgresServer, RedisServer


@pytest.mark.attack(31)
def test_a_code_issued_before_the_sign_out_gives_nothing_after_it(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    code = visit.sign_in(doctor)
    visit.get("/logout")
    visit.submit()
    assert token_error(provider.redeem(code)) == "invalid_grant"


def test_a_code_issued_before_somebody_else_signed_in_gives_nothing_after_it(
    provider: Provider, doctor: Someone, secured: Someone
) -> None:
    visit = provider.browser()
    code = visit.sign_in(doctor)
    theirs = visit.sign_in(secured, prompt="login")
    assert token_error(provider.redeem(code)) == "invalid_grant"
    assert provider.redeem(theirs).status_code == 200


def test_a_new_session_after_the_sign_out_is_a_session_like_any_other(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    visit.get("/logout")
    visit.submit()
    assert provider.redeem(visit.sign_in(doctor)).status_code == 200


@pytest.fixture
def on_servers(
    tmp_path: Path, clock: MovableClock, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Provider]:
    """Give a provider on PostgreSQL and Redis."""
    whole = Provider(tmp_path, clock, postgres_server.fresh_database(), redis_server.url)
    yield whole
    whole.parts.database.dispose()


@pytest.mark.server
@pytest.mark.attack(31)
def test_a_sign_out_raced_with_the_exchange_leaves_no_living_token(on_servers: Provider) -> None:
    someone = on_servers.add("408461", "HKLOMTZULT Fifqoe")
    for _ in range(12):
        visit = on_servers.browser()
        code = visit.sign_in(someone)
        visit.get("/logout")
        together = Barrier(2)
        given: list[dict[str, str]] = []

        def exchange(
            code: str = code, together: Barrier = together, given: list[dict[str, str]] = given
        ) -> None:
            together.wait()
            answer = on_servers.redeem(code)
            if answer.status_code == 200:
                given.append(answer.get_json())

        thread = Thread(target=exchange)
        thread.start()
        together.wait()
        visit.submit()
        thread.join()
        for tokens in given:
            assert on_servers.userinfo(tokens["access_token"]).status_code == 401
            assert token_error(on_servers.refresh(tokens["refresh_token"])) == "invalid_grant"


@pytest.mark.attack(75)
def test_a_token_of_a_password_alone_opens_nothing_once_a_phone_is_activated(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    weak = body(provider.redeem(visit.sign_in(doctor)))
    assert provider.userinfo(weak["access_token"]).status_code == 200
    other = provider.browser()
    other.authorize("strict")
    other.identify(doctor)
    activate(other)
    assert provider.userinfo(weak["access_token"]).status_code == 401
