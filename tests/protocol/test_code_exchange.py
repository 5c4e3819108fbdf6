"""RFC 6749 §4.1.2, §4.1.3, RFC 9700 §2.1.1: a code is good once, for its client, for a minute."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts import delegations
from idp.storage.schema import ephemeral, token_grant
from tests.protocol.answers import body, token_error, tokens
from tests.provider import Provider, Someone
from tests.storage.racing import race


def test_a_code_is_256_random_bits_and_never_stored(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    codes = [visit.sign_in(doctor)]
    for _ in range(9):
        visit.authorize()
        codes.append(visit.answer["code"])
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", code) for code in codes)
    provider.redeem(codes[0])
    with provider.parts.database.read() as connection:
        kept = [*connection.execute(select(ephemeral)), *connection.execute(select(token_grant))]
    assert not any(code in str(row) for row in kept for code in codes)


@pytest.mark.attack(20)
@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400), (3600, 400)])
def test_a_code_lives_for_sixty_seconds(
    provider: Provider, doctor: Someone, seconds: int, status: int
) -> None:
    code = provider.browser().sign_in(doctor)
    provider.clock.advance(seconds=seconds)
    answer = provider.redeem(code)
    assert answer.status_code == status
    assert status == 200 or token_error(answer) == "invalid_grant"


@pytest.mark.attack(20)
@pytest.mark.parametrize("thief", ["posting", "public"])
def test_another_client_gets_nothing_for_a_code_and_harms_nobody(
    provider: Provider, doctor: Someone, thief: str
) -> None:
    code = provider.browser().sign_in(doctor)
    for changes in ({}, {"redirect_uri": "https://open.test/callback"}):
        assert token_error(provider.redeem(code, thief, **changes)) == "invalid_grant"
    given = body(provider.redeem(code))
    assert token_error(provider.redeem(code, thief)) == "invalid_grant"
    provider.clock.advance(seconds=61)
    assert token_error(provider.redeem(code, thief)) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "",
        "https://open.test/callback/",
        "https://open.test/Callback",
        "https://portal.test/callback",
        "https://evil.test",
        "é\x00",
    ],
)
def test_the_address_of_the_exchange_is_the_one_of_the_request_and_a_wrong_one_spends_nothing(
    provider: Provider, doctor: Someone, redirect_uri: str
) -> None:
    code = provider.browser().sign_in(doctor)
    assert token_error(provider.redeem(code, redirect_uri=redirect_uri)) == "invalid_grant"
    assert provider.redeem(code).status_code == 200


@pytest.mark.attack(19)
@pytest.mark.parametrize("seconds", [0, 59, 61, 86_400])
def test_a_code_that_comes_again_is_refused_and_ends_what_it_gave(
    provider: Provider, doctor: Someone, seconds: int
) -> None:
    code = provider.browser().sign_in(doctor)
    given = body(provider.redeem(code))
    successor = body(provider.refresh(given["refresh_token"]))
    provider.clock.advance(seconds=seconds)
    before = len(provider.audited("tokens.code_replayed"))
    assert token_error(provider.redeem(code)) == "invalid_grant"
    assert token_error(provider.redeem(code)) == "invalid_grant"
    lines = provider.audited("tokens.code_replayed")
    assert len(lines) == before + 1
    with provider.parts.database.read() as connection:
        assert lines[-1]["account_id"] == provider.account_id(connection, doctor)
    assert token_error(provider.refresh(successor["refresh_token"])) == "invalid_grant"
    for one in (given, successor):
        assert provider.userinfo(one["access_token"]).status_code == 401


@pytest.mark.attack(19)
def test_a_replay_ends_nothing_else(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    code = visit.sign_in(doctor)
    visit.authorize("portal")
    beside = body(provider.redeem(visit.answer["code"], "portal"))
    body(provider.redeem(code))
    token_error(provider.redeem(code))
    assert provider.userinfo(beside["access_token"]).status_code == 200
    assert body(provider.refresh(beside["refresh_token"], "portal"))


@pytest.mark.attack(19)
def test_a_replay_without_the_right_verifier_ends_nothing(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor)
    given = body(provider.redeem(code))
    assert token_error(provider.redeem(code, code_verifier="v" * 43)) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 200


@pytest.mark.attack(19)
def test_a_code_raced_fifty_times_gives_tokens_once_and_the_replays_end_them(
    provider: Provider, doctor: Someone
) -> None:
    code = provider.browser().sign_in(doctor)

    def redeemed(_number: int) -> TestResponse:
        return provider.redeem(code)

    answers = race(50, redeemed)
    winners = [answer for answer in answers if answer.status_code == 200]
    assert len(winners) == 1
    assert {token_error(answer) for answer in answers if answer is not winners[0]} == {"invalid_grant"}
    given = body(winners[0])
    assert token_error(provider.refresh(given["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 401


def test_a_code_of_an_account_disabled_meanwhile_gives_nothing(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor)
    provider.disable(doctor)
    assert token_error(provider.redeem(code)) == "invalid_grant"


def test_a_code_of_an_assistant_removed_meanwhile_gives_nothing(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    code = provider.browser().sign_in(assistant)
    provider.remove_assistant(secured, assistant.name)
    assert token_error(provider.redeem(code)) == "invalid_grant"


def test_a_code_of_an_assistant_whose_last_day_ended_meanwhile_gives_nothing(
    provider: Provider, secured: Someone
) -> None:
    temporary = provider.add_assistant(secured, "PETIT Anne", last=date(2026, 1, 15))
    provider.clock.set(datetime(2026, 1, 15, 22, 59, 30, tzinfo=UTC))
    code = provider.browser().sign_in(temporary)
    provider.clock.advance(seconds=30)
    assert token_error(provider.redeem(code)) == "invalid_grant"


@pytest.mark.attack(76)
def test_a_password_code_of_a_client_whose_date_came_meanwhile_gives_nothing(
    provider: Provider, doctor: Someone
) -> None:
    provider.clock.set(datetime(2026, 2, 28, 22, 59, 30, tzinfo=UTC))
    visit = provider.browser()
    early = visit.sign_in(doctor, "portal")
    assert body(provider.redeem(early, "portal"))
    visit.authorize("portal")
    late = visit.answer["code"]
    provider.clock.advance(seconds=30)
    assert token_error(provider.redeem(late, "portal")) == "invalid_grant"


def test_issuing_is_audited_with_the_person_who_acted(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    given = tokens(provider, assistant)
    line = provider.audited("tokens.issued")[-1]
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, secured)
        (row,) = delegations.of_account(connection, account_id)
    assert line["account_id"] == account_id
    assert line["actor_id"] == provider.claims(given["id_token"])["act"]["sub"]
    assert (line["client_id"], row.last_used_for) == ("open", "Service open")
    assert row.last_used_at == provider.clock.now()
