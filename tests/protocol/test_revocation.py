"""RFC 7009: a client gives its own token back, and everything of its grant is dead; it can harm no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

from idp.accounts.grants import revoke
from idp.oidc.codes import grant_id_of
from idp.storage.schema import token_grant
from tests.clock import MovableClock
from tests.protocol.answers import body, grant_behind, token_error, tokens
from tests.provider import Provider, Someone
from tests.servers import PostgresServer, RedisServer
from tests.storage.racing import race

KINDS = ("access_token", "refresh_token")


def revoked(provider: Provider, token: str, client_id: str = "open", **more: str) -> None:
    """Give a token back, the answer's form checked (§2.2)."""
    answer = provider.revoke(token, client_id, **more)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"


def assert_dead(provider: Provider, given: dict[str, Any], client_id: str = "open") -> None:
    """Assert that nothing of a token answer counts any more, wherever it is shown."""
    assert token_error(provider.refresh(given["refresh_token"], client_id)) == "invalid_grant"
    assert provider.userinfo(given["access_token"]).status_code == 401
    for kind in KINDS:
        assert body(provider.introspect(given[kind], client_id)) == {"active": False}


def assert_alive(provider: Provider, given: dict[str, Any], client_id: str = "open") -> None:
    """Assert that both tokens of an answer count."""
    assert provider.userinfo(given["access_token"]).status_code == 200
    for kind in KINDS:
        assert body(provider.introspect(given[kind], client_id))["active"] is True


@pytest.mark.attack(31)
@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_either_token_ends_all_of_its_grant(
    provider: Provider, secured: Someone, kind: str, asked_before: bool
) -> None:
    given = tokens(provider, secured)
    successor = body(provider.refresh(given["refresh_token"]))
    if asked_before:
        assert_alive(provider, successor)
    revoked(provider, successor[kind])
    assert_dead(provider, successor)
    assert provider.userinfo(given["access_token"]).status_code == 401


@pytest.mark.attack(31)
@pytest.mark.parametrize("order", [("logout", "revoke"), ("revoke", "logout")])
def test_sign_out_and_revocation_in_either_order_leave_nothing(
    provider: Provider, doctor: Someone, order: tuple[str, str]
) -> None:
    visit = provider.browser()
    given = tokens(provider, doctor, visit=visit)
    assert_alive(provider, given)
    for step in order:
        if step == "revoke":
            revoked(provider, given["refresh_token"])
        else:
            visit.get("/logout")
            visit.submit()
        assert_dead(provider, given)


def test_it_ends_no_other_grant_of_the_session(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    given = tokens(provider, secured, visit=visit)
    visit.authorize("portal")
    beside = body(provider.redeem(visit.answer["code"], "portal"))
    visit.authorize("open")
    again = body(provider.redeem(visit.answer["code"]))
    revoked(provider, given["access_token"])
    assert_alive(provider, beside, "portal")
    assert_alive(provider, again)


def test_it_is_told_to_the_audit_once_with_who_acted(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    given = tokens(provider, assistant)
    before = len(provider.audited("tokens.revoked"))
    for kind in (*KINDS, *KINDS):
        revoked(provider, given[kind])
    (line,) = provider.audited("tokens.revoked")[before:]
    with provider.parts.database.read() as connection:
        assert line["account_id"] == provider.account_id(connection, secured)
    assert line["actor_id"] == provider.claims(given["id_token"])["act"]["sub"]
    assert line["client_id"] == "open"
    assert list(line["detail"]) == ["grant"]


def test_a_spent_refresh_token_of_ones_own_ends_the_grant_too(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    successor = body(provider.refresh(given["refresh_token"]))
    revoked(provider, given["refresh_token"])
    assert_dead(provider, successor)


def test_a_public_client_gives_its_tokens_back(provider: Provider, doctor: Someone) -> None:
    for kind in KINDS:
        given = tokens(provider, doctor, "public")
        revoked(provider, given[kind], "public")
        assert token_error(provider.refresh(given["refresh_token"], "public")) == "invalid_grant"
        assert provider.userinfo(given["access_token"]).status_code == 401


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of", ""])
@pytest.mark.parametrize("kind", KINDS)
def test_the_hint_makes_no_difference(provider: Provider, doctor: Someone, kind: str, hint: str) -> None:
    given = tokens(provider, doctor)
    revoked(provider, given[kind], token_type_hint=hint)
    assert_dead(provider, given)


@pytest.mark.attack(20)
@pytest.mark.parametrize("other", ["portal", "posting", "public", "machine"])
def test_another_clients_token_is_not_taken_and_goes_on(
    provider: Provider, doctor: Someone, other: str
) -> None:
    given = tokens(provider, doctor)
    before = len(provider.audited("tokens.revoked"))
    assert token_error(provider.revoke(given["access_token"], other)) == "invalid_request"
    revoked(provider, given["refresh_token"], other)
    assert_alive(provider, given)
    assert len(provider.audited("tokens.revoked")) == before


def test_what_is_no_token_changes_nothing(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    for token in (
        given["id_token"],
        given["access_token"] + "a",
        given["refresh_token"] + "a",
        "a" * 64 + ".0.a",
        "..",
        "é\x00",
    ):
        revoked(provider, token)
    assert_alive(provider, given)


def test_an_access_token_that_ended_takes_nothing_with_it(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    provider.clock.advance(seconds=300)
    revoked(provider, given["access_token"])
    assert body(provider.refresh(given["refresh_token"]))["access_token"]


def test_nobody_revokes_without_saying_who_they_are(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    for data in ({}, {"client_id": "open"}, {"client_id": "unheard_of"}):
        answer = provider.http().post("/oauth2/revoke", data={"token": given["access_token"], **data})
        assert token_error(answer, 401) == "invalid_client"
    assert_alive(provider, given)


def test_a_token_that_a_client_got_for_itself_is_given_back_alone(anywhere: Provider) -> None:
    first, second = (
        body(anywhere.token({"grant_type": "client_credentials"}, "machine"))["access_token"]
        for _ in range(2)
    )
    before = len(anywhere.audited("tokens.revoked"))
    assert token_error(anywhere.revoke(first, "open")) == "invalid_request"
    assert token_error(anywhere.revoke(first, "records")) == "invalid_request"
    for _ in range(2):
        revoked(anywhere, first, "machine")
    (line,) = anywhere.audited("tokens.revoked")[before:]
    assert (line["client_id"], line["account_id"]) == ("machine", None)
    assert line["detail"] == {"token": anywhere.claims(first)["jti"]}
    for client_id in ("machine", "records"):
        assert body(anywhere.introspect(first, client_id)) == {"active": False}
        assert body(anywhere.introspect(second, client_id))["active"] is True


def exchanged(provider: Provider, parent_id: str, *names: str) -> list[str]:
    """Insert grants by hand as token exchange does, each for the one before; return their ids."""
    ids = []
    with provider.parts.database.write() as connection:
        for name in names:
            row = connection.execute(select(token_grant).where(token_grant.c.id == parent_id)).one()
            made = grant_id_of("exchanging", f"{parent_id}{name}")
            values = {**row._mapping, "id": made, "parent_id": parent_id, "client_id": "exchanging"}
            connection.execute(insert(token_grant).values(**values))
            ids.append(made)
            parent_id = made
    return ids


def live(provider: Provider, *grant_ids: str) -> list[bool]:
    """Say of each grant whether it is not revoked."""
    with provider.parts.database.read() as connection:
        which = select(token_grant.c.id).where(token_grant.c.revoked_at.is_(None))
        found = set(connection.execute(which).scalars())
    return [grant_id in found for grant_id in grant_ids]


def grant_of(provider: Provider, given: dict[str, Any]) -> str:
    """Return the id of the grant behind a token answer."""
    return grant_behind(provider, given["access_token"])


def _revocation(provider: Provider, given: dict[str, Any], _code: str) -> object:
    return provider.revoke(given["refresh_token"])


def _code_replay(provider: Provider, _given: dict[str, Any], code: str) -> object:
    return provider.redeem(code)


def _refresh_replay(provider: Provider, given: dict[str, Any], _code: str) -> object:
    provider.refresh(given["refresh_token"])
    provider.clock.advance(seconds=11)
    return provider.refresh(given["refresh_token"])


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.server)])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider on the embedded stores, and one on PostgreSQL and Redis."""
    if request.param == "servers":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        redis: RedisServer = request.getfixturevalue("redis_server")
        whole = Provider(tmp_path, clock, postgres.fresh_database(), redis.url)
    else:
        whole = Provider(tmp_path, clock)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def someone(anywhere: Provider) -> Someone:
    return anywhere.add("408461", "Claire Moretti", mfa=True)


@pytest.mark.attack(31)
@pytest.mark.parametrize("end", [_revocation, _code_replay, _refresh_replay])
def test_what_was_exchanged_for_a_grant_ends_with_it_at_any_depth(
    anywhere: Provider, someone: Someone, end: Callable[[Provider, dict[str, Any], str], object]
) -> None:
    code = anywhere.browser().sign_in(someone)
    given = body(anywhere.redeem(code))
    other = tokens(anywhere, replace(anywhere.add("408462", "Paul Rey")))
    grant, beside = grant_of(anywhere, given), grant_of(anywhere, other)
    family = exchanged(anywhere, grant, "a", "b", "c") + exchanged(anywhere, grant, "d")
    strangers = exchanged(anywhere, beside, "a")
    end(anywhere, given, code)
    assert not any(live(anywhere, grant, *family))
    assert all(live(anywhere, beside, *strangers))


def test_to_end_what_was_exchanged_leaves_the_grant_before_it(anywhere: Provider, someone: Someone) -> None:
    grant = grant_of(anywhere, tokens(anywhere, someone))
    first, second, third = exchanged(anywhere, grant, "a", "b", "c")
    with anywhere.parts.database.write() as connection:
        assert revoke(connection, second, anywhere.clock.now())
        assert not revoke(connection, second, anywhere.clock.now())
        assert not revoke(connection, "a" * 64, anywhere.clock.now())
    assert live(anywhere, grant, first, second, third) == [True, True, False, False]


@pytest.mark.attack(31)
def test_a_revocation_raced_with_refreshes_leaves_no_living_token(
    anywhere: Provider, someone: Someone
) -> None:
    for _ in range(6):
        anywhere.clock.advance(seconds=30)
        first = tokens(anywhere, someone)

        def act(number: int, first: dict[str, Any] = first) -> TestResponse:
            if number % 4 == 0:
                return anywhere.revoke(first["access_token"])
            return anywhere.refresh(first["refresh_token"])

        answers = race(8, act)
        assert [answer.status_code for answer in answers[::4]] == [200, 200]
        given = [answer.get_json() for answer in answers if answer.status_code == 200 and answer.data]
        for one in (first, *given):
            assert_dead(anywhere, one)


@pytest.mark.attack(31)
def test_a_revocation_raced_with_the_code_coming_again_leaves_no_living_token(
    anywhere: Provider, someone: Someone
) -> None:
    visit = anywhere.browser()
    code = visit.sign_in(someone)
    for _ in range(6):
        first = body(anywhere.redeem(code))

        def act(number: int, first: dict[str, Any] = first, code: str = code) -> TestResponse:
            return anywhere.redeem(code) if number % 2 else anywhere.revoke(first["refresh_token"])

        answers = race(6, act)
        assert {answer.status_code for answer in answers[::2]} == {200}
        assert {token_error(answer) for answer in answers[1::2]} == {"invalid_grant"}
        assert_dead(anywhere, first)
        visit.authorize()
        code = visit.answer["code"]


@pytest.mark.attack(31)
def test_many_revocations_at_once_are_one(anywhere: Provider, someone: Someone) -> None:
    given = tokens(anywhere, someone)
    family = exchanged(anywhere, grant_of(anywhere, given), "a", "b")
    answers = race(10, lambda number: anywhere.revoke(given[KINDS[number % 2]]))
    assert {answer.status_code for answer in answers} == {200}
    assert len(anywhere.audited("tokens.revoked")) == 1
    assert not any(live(anywhere, *family))
    assert_dead(anywhere, given)
