"""The protocol from end to end on the stores of production: PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.protocol.answers import activate, body, redirected_error, token_error, tokens
from tests.provider import Provider
from tests.servers import PostgresServer, RedisServer
from tests.storage.racing import race

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def shared_provider(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Provider]:
    """Give one provider on PostgreSQL and Redis in place of the embedded one."""
    folder = tmp_path_factory.mktemp("provider")
    whole = Provider(folder, MovableClock(), postgres_server.fresh_database(), redis_server.url)
    yield whole
    whole.parts.database.dispose()


def test_the_whole_path_from_the_first_activation_to_signing_out(provider: Provider) -> None:
    doctor = provider.add("408461", "Claire Moretti")
    visit = provider.browser()
    given = tokens(provider, doctor, visit=visit)
    assert provider.claims(given["id_token"])["acr"] == "pwd"
    visit.authorize("strict")
    activate(visit)
    stepped_up = body(provider.redeem(visit.answer["code"], "strict"))
    assert provider.claims(stepped_up["id_token"])["acr"] == "mfa"
    assert body(provider.userinfo(stepped_up["access_token"]))["name"] == "Claire Moretti"
    refreshed = body(provider.refresh(stepped_up["refresh_token"], "strict"))
    assert provider.claims(refreshed["id_token"])["sid"] == provider.claims(given["id_token"])["sid"]
    assert token_error(provider.refresh(given["refresh_token"])) == "invalid_grant"
    back = "https://strict.test/goodbye"
    request = {"id_token_hint": refreshed["id_token"], "post_logout_redirect_uri": back}
    visit.get(f"/logout?{urlencode(request)}")
    assert visit.left_for == back
    assert token_error(provider.refresh(refreshed["refresh_token"], "strict")) == "invalid_grant"
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"


def test_an_assistant_is_named_until_removed(provider: Provider) -> None:
    doctor = provider.add("517293", "Paul Rey", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    given = tokens(provider, assistant, "portal")
    assert body(provider.userinfo(given["access_token"]))["act"]["name"] == "NAUDIN Fernand"
    provider.remove_assistant(doctor, "NAUDIN Fernand")
    assert provider.userinfo(given["access_token"]).status_code == 401
    assert token_error(provider.refresh(given["refresh_token"], "portal")) == "invalid_grant"


@pytest.mark.attack(19)
def test_a_code_raced_fifty_times_gives_tokens_once_and_the_replays_end_them(provider: Provider) -> None:
    code = provider.browser().sign_in(provider.add("600001", "Anne Blanc"))

    def redeemed(_number: int) -> TestResponse:
        return provider.redeem(code)

    answers = race(50, redeemed)
    (winner,) = (answer for answer in answers if answer.status_code == 200)
    assert {token_error(answer) for answer in answers if answer is not winner} == {"invalid_grant"}
    assert provider.userinfo(body(winner)["access_token"]).status_code == 401


@pytest.mark.attack(20)
def test_a_code_lives_for_sixty_seconds(provider: Provider) -> None:
    code = provider.browser().sign_in(provider.add("600002", "Anne Blanc"))
    provider.clock.advance(seconds=60)
    assert token_error(provider.redeem(code)) == "invalid_grant"


@pytest.mark.attack(21)
def test_a_refresh_token_raced_fifty_times_has_one_successor(provider: Provider) -> None:
    first = tokens(provider, provider.add("600003", "Anne Blanc"))["refresh_token"]

    def refreshed(_number: int) -> TestResponse:
        return provider.refresh(first)

    (successor,) = {body(answer)["refresh_token"] for answer in race(50, refreshed)}
    provider.clock.advance(seconds=11)
    assert token_error(provider.refresh(first)) == "invalid_grant"
    assert token_error(provider.refresh(successor)) == "invalid_grant"
