"""RFC 6749 §6, RFC 9700 §4.14, OpenID Connect Core §12: a refresh token is good once, but for a lost answer."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.oidc.refresh_tokens import RefreshTokens
from idp.storage.keyring import Keyring
from idp.storage.schema import token_grant
from tests.protocol.answers import body, token_error, tokens
from tests.provider import Provider, Someone
from tests.storage.racing import race

KEPT = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")


def test_each_use_gives_a_new_token_and_the_new_one_is_good(provider: Provider, doctor: Someone) -> None:
    given = [tokens(provider, doctor)]
    for _ in range(3):
        provider.clock.advance(seconds=60)
        given.append(body(provider.refresh(given[-1]["refresh_token"])))
    for name in ("refresh_token", "access_token", "id_token"):
        assert len({one[name] for one in given}) == 4
    assert {one["scope"] for one in given} == {"openid profile offline_access"}
    assert all(provider.userinfo(one["access_token"]).status_code == 200 for one in given)


def test_no_refresh_token_is_stored(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)["refresh_token"]
    with provider.parts.database.read() as connection:
        kept = str(connection.execute(select(token_grant)).all())
    assert given.rpartition(".")[2] not in kept


@pytest.mark.parametrize("client_id", ["open", "twin"])
@pytest.mark.parametrize("who", ["doctor", "secured", "assistant"])
def test_a_refreshed_id_token_says_the_same_of_the_same_sign_in(
    provider: Provider, who: str, client_id: str, request: pytest.FixtureRequest
) -> None:
    first = tokens(provider, request.getfixturevalue(who), client_id)
    provider.clock.advance(seconds=3600)
    second = body(provider.refresh(first["refresh_token"], client_id))
    before, after = provider.claims(first["id_token"]), provider.claims(second["id_token"])
    acting = ("act", "delegation") if who == "assistant" else ()
    assert {name: after[name] for name in (*KEPT, *acting)} == {
        name: before[name] for name in (*KEPT, *acting)
    }
    assert set(before) - set(after) == {"nonce"}
    assert set(after) < set(before)
    assert after["iat"] == before["iat"] + 3600


@pytest.mark.attack(21)
@pytest.mark.parametrize("seconds", [0, 10])
def test_the_same_successor_is_sent_again_for_a_lost_answer(
    provider: Provider, doctor: Someone, seconds: int
) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    lost = body(provider.refresh(first))
    provider.clock.advance(seconds=seconds)
    again = body(provider.refresh(first))
    assert again["refresh_token"] == lost["refresh_token"]
    assert again["access_token"] != lost["access_token"]
    assert body(provider.refresh(again["refresh_token"]))["refresh_token"] != again["refresh_token"]


@pytest.mark.attack(21)
def test_after_the_grace_a_used_token_ends_the_grant_and_is_audited(
    provider: Provider, doctor: Someone
) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    second = body(provider.refresh(first))
    provider.clock.advance(seconds=11)
    _assert_ends_the_grant(provider, first, second)


@pytest.mark.attack(21)
def test_an_older_generation_ends_the_grant_even_within_the_grace(
    provider: Provider, doctor: Someone
) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    second = body(provider.refresh(first))
    third = body(provider.refresh(second["refresh_token"]))
    _assert_ends_the_grant(provider, first, third)


@pytest.mark.attack(21)
def test_the_grace_does_not_outlive_the_grant(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)["refresh_token"]
    provider.clock.advance(seconds=provider.settings.refresh_lifetime - 1)
    body(provider.refresh(given))
    provider.clock.advance(seconds=1)
    assert token_error(provider.refresh(given)) == "invalid_grant"


@pytest.mark.attack(21)
def test_a_token_raced_fifty_times_has_one_successor(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)["refresh_token"]

    def refreshed(_number: int) -> TestResponse:
        return provider.refresh(first)

    answers = [body(answer) for answer in race(50, refreshed)]
    (successor,) = {answer["refresh_token"] for answer in answers}
    assert body(provider.refresh(successor))["refresh_token"] != successor


@pytest.mark.attack(21)
def test_old_and_new_token_raced_leave_no_second_line_of_succession(
    provider: Provider, doctor: Someone
) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    second = body(provider.refresh(first))["refresh_token"]
    provider.clock.advance(seconds=11)

    def refreshed(number: int) -> TestResponse:
        return provider.refresh((first, second)[number % 2])

    given = {
        answer.get_json()["refresh_token"] for answer in race(20, refreshed) if answer.status_code == 200
    }
    assert len(given) <= 1
    for token in (first, second, *given):
        assert token_error(provider.refresh(token)) == "invalid_grant"


@pytest.mark.attack(22)
@pytest.mark.parametrize(
    "scope", ["openid profile email", "openid practitioner", "unheard_of", "OPENID", "openid  profile", 'é"']
)
def test_widening_is_refused_and_spends_nothing(provider: Provider, doctor: Someone, scope: str) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    assert token_error(provider.refresh(first, scope=scope)) == "invalid_scope"
    second = body(provider.refresh(first))
    assert second["scope"] == "openid profile offline_access"
    provider.clock.advance(seconds=60)
    assert body(provider.refresh(second["refresh_token"]))["access_token"]


@pytest.mark.attack(22)
def test_widening_by_the_lost_answer_is_refused_too(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    body(provider.refresh(first, scope="openid"))
    assert token_error(provider.refresh(first, scope="openid email")) == "invalid_scope"


def test_narrowing_narrows_the_access_token_and_not_the_grant(provider: Provider, insured: Someone) -> None:
    first = tokens(provider, insured, scope="openid profile email offline_access")
    narrow = body(provider.refresh(first["refresh_token"], scope="email openid email"))
    assert narrow["scope"] == "email openid"
    assert provider.claims(narrow["access_token"])["scope"] == "email openid"
    assert set(body(provider.userinfo(narrow["access_token"]))) == {"sub", "email", "email_verified"}
    assert body(provider.refresh(narrow["refresh_token"]))["scope"] == first["scope"]


def test_an_empty_scope_is_as_none(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)
    assert body(provider.refresh(first["refresh_token"], scope=""))["scope"] == first["scope"]


@pytest.mark.parametrize("thief", ["posting", "public"])
def test_another_clients_token_is_refused_and_stays_good(
    provider: Provider, doctor: Someone, thief: str
) -> None:
    first = tokens(provider, doctor)["refresh_token"]
    assert token_error(provider.refresh(first, thief)) == "invalid_grant"
    assert body(provider.refresh(first))["access_token"]


def test_a_tampered_token_is_refused_and_ends_nothing(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)["refresh_token"]
    grant, generation, mac = given.split(".")
    other = tokens(provider, doctor)["refresh_token"].split(".")
    for forged in (
        f"{grant}.{int(generation) + 1}.{mac}",
        f"{grant}.0{generation}.{mac}",
        f"{grant}.+{generation}.{mac}",
        f"{grant}.٠.{mac}",
        f"{grant}.{generation}.{other[2]}",
        f"{other[0]}.{generation}.{mac}",
        f"{grant.upper()}.{generation}.{mac}",
        f"{grant}.{generation}.{mac}=",
        f"{grant}.{generation}.{mac[:-1]}",
        f"{grant}.{generation}.",
        f"{grant}.{generation}",
        f"{given}\n",
        f" {given}",
        f"{given}.{given}",
        f"{grant}.{generation}.é",
        f"{grant}.{'9' * 5000}.{mac}",
        "..",
    ):
        assert token_error(provider.refresh(forged)) == "invalid_grant", forged
    assert body(provider.refresh(given))["access_token"]


def test_no_other_token_refreshes(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    for token in (given["access_token"], given["id_token"]):
        assert token_error(provider.refresh(token)) == "invalid_grant"


def test_a_client_without_offline_access_has_no_refreshing(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor, "plain")
    assert "refresh_token" not in given
    assert token_error(provider.refresh("a", "plain")) == "unauthorized_client"


def test_a_refresh_token_is_given_only_when_offline_access_was_asked_for(
    provider: Provider, doctor: Someone
) -> None:
    assert "refresh_token" not in tokens(provider, doctor, scope="openid profile")
    assert "refresh_token" in tokens(provider, doctor, scope="openid offline_access")


def test_the_last_refresh_is_thirty_days_after_the_sign_in_however_often_it_was_used(
    provider: Provider, doctor: Someone
) -> None:
    given = tokens(provider, doctor)["refresh_token"]
    lifetime = provider.settings.refresh_lifetime
    assert lifetime == 30 * 86_400
    provider.clock.advance(seconds=lifetime / 2)
    given = body(provider.refresh(given))["refresh_token"]
    provider.clock.advance(seconds=lifetime / 2 - 1)
    given = body(provider.refresh(given))["refresh_token"]
    provider.clock.advance(seconds=1)
    assert token_error(provider.refresh(given)) == "invalid_grant"


def test_a_token_stays_good_while_the_encryption_key_is_rotated_and_not_after() -> None:
    older, newer = secrets.token_bytes(32), secrets.token_bytes(32)
    grant_id = "ab" * 32
    token = RefreshTokens(Keyring({"older": older})).token("open", grant_id, 3)
    rotating = RefreshTokens(Keyring({"newer": newer, "older": older}))
    assert rotating.read("open", token) == (grant_id, 3)
    assert rotating.token("open", grant_id, 3) != token
    assert RefreshTokens(Keyring({"newer": newer})).read("open", token) is None


@pytest.mark.attack(21)
def test_a_replay_is_audited_at_its_account_and_with_who_acted(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    given = tokens(provider, assistant)
    body(provider.refresh(given["refresh_token"]))
    provider.clock.advance(seconds=11)
    assert token_error(provider.refresh(given["refresh_token"])) == "invalid_grant"
    line = provider.audited("tokens.refresh_replayed")[-1]
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, secured)
    acted = provider.claims(given["id_token"])["act"]["sub"]
    assert (line["account_id"], line["actor_id"]) == (account_id, acted)


def _assert_ends_the_grant(provider: Provider, old: str, latest: dict[str, Any]) -> None:
    before = len(provider.audited("tokens.refresh_replayed"))
    assert token_error(provider.refresh(old)) == "invalid_grant"
    assert token_error(provider.refresh(latest["refresh_token"])) == "invalid_grant"
    assert provider.userinfo(latest["access_token"]).status_code == 401
    lines = provider.audited("tokens.refresh_replayed")
    assert len(lines) == before + 1
    assert lines[-1]["client_id"] == "open"
    assert old not in str(lines[-1])


def test_a_refresh_narrowed_to_a_scope_without_openid_gives_no_id_token(
    provider: Provider, secured: Someone
) -> None:
    given = provider.redeem(provider.browser().sign_in(secured)).get_json()
    narrowed = provider.refresh(given["refresh_token"], scope="profile").get_json()
    assert narrowed["scope"] == "profile"
    assert "id_token" not in narrowed
