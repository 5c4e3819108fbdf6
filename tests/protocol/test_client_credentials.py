"""RFC 6749 §4.4: a client's token of its own is for APIs, and says nothing of any person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from idp.storage.database import Database
from tests.clock import MovableClock
from tests.protocol.answers import body, header_of, token_error
from tests.provider import ISSUER, Provider
from tests.waiting import wait_until

RECORDS, LETTERS = "https://records.test/api", "https://letters.test/api"
CREDENTIALS = {"grant_type": "client_credentials"}


def given(provider: Provider, **more: Any) -> dict[str, Any]:
    """Return the body of the token answer that the client ``machine`` gets."""
    return body(provider.token({**CREDENTIALS, **more}, "machine"))


def test_the_token_is_about_the_client_and_nobody_else(provider: Provider) -> None:
    answer = provider.token({**CREDENTIALS, "scope": "records.read"}, "machine")
    told = body(answer)
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 300, "records.read")
    assert answer.headers["Cache-Control"] == "no-store"
    assert header_of(told["access_token"])["typ"] == "at+jwt"
    claims = provider.claims(told["access_token"])
    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"}
    assert claims["sub"] == claims["client_id"] == "machine"
    assert claims["iss"] == ISSUER
    assert claims["exp"] - claims["iat"] == 300


def test_no_two_tokens_have_one_name(provider: Provider) -> None:
    names = {provider.claims(given(provider)["access_token"])["jti"] for _ in range(5)}
    assert len(names) == 5


@pytest.mark.parametrize(
    ("asked", "scope", "audience"),
    [
        ({}, "letters.send records.read", [RECORDS, LETTERS]),
        ({"scope": ""}, "letters.send records.read", [RECORDS, LETTERS]),
        ({"scope": "records.read"}, "records.read", RECORDS),
        ({"scope": "letters.send"}, "letters.send", LETTERS),
        (
            {"scope": "records.read letters.send records.read"},
            "records.read letters.send",
            [RECORDS, LETTERS],
        ),
        ({"resource": RECORDS}, "records.read", RECORDS),
        ({"resource": LETTERS, "scope": "letters.send"}, "letters.send", LETTERS),
        ({"resource": [LETTERS, RECORDS]}, "letters.send records.read", [LETTERS, RECORDS]),
        ({"resource": [RECORDS, RECORDS]}, "records.read", RECORDS),
    ],
)
def test_it_is_for_the_apis_whose_scopes_it_has(
    provider: Provider, asked: Mapping[str, Any], scope: str, audience: str | list[str]
) -> None:
    told = given(provider, **asked)
    claims = provider.claims(told["access_token"])
    assert (told["scope"], claims["scope"], claims["aud"]) == (scope, scope, audience)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": "practitioner"}, "invalid_scope"),
        ({"scope": "records.read openid"}, "invalid_scope"),
        ({"scope": "records.write"}, "invalid_scope"),
        ({"scope": "records.read records.write"}, "invalid_scope"),
        ({"scope": "unheard_of"}, "invalid_scope"),
        ({"scope": "records.read  letters.send"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": 'é"\\\x00'}, "invalid_scope"),
        ({"scope": "letters.send", "resource": RECORDS}, "invalid_scope"),
        ({"scope": "letters.send", "resource": [RECORDS, LETTERS]}, "invalid_scope"),
        ({"resource": ISSUER}, "invalid_target"),
        ({"resource": [RECORDS, ISSUER]}, "invalid_target"),
        ({"resource": "https://unheard-of.test/api"}, "invalid_target"),
        ({"resource": f"{RECORDS}/"}, "invalid_target"),
        ({"resource": f"{RECORDS}#here"}, "invalid_target"),
        ({"resource": "é\x00"}, "invalid_target"),
    ],
)
def test_nothing_wider_is_given(provider: Provider, asked: Mapping[str, Any], error: str) -> None:
    assert token_error(provider.token({**CREDENTIALS, **asked}, "machine")) == error


@pytest.mark.parametrize("client_id", ["open", "portal", "posting", "public"])
def test_a_client_whose_file_does_not_say_so_gets_none(provider: Provider, client_id: str) -> None:
    assert token_error(provider.token(CREDENTIALS, client_id)) == "unauthorized_client"


def test_a_client_without_any_api_gets_none(provider: Provider) -> None:
    assert token_error(provider.token(CREDENTIALS, "records")) == "invalid_scope"


def test_a_client_that_does_not_prove_who_it_is_gets_none(provider: Provider) -> None:
    for data in ({}, {"client_id": "machine"}, {"client_id": "machine", "client_secret": "wrong"}):
        answer = provider.http().post("/oauth2/token", data={**CREDENTIALS, **data})
        assert token_error(answer, 401) == "invalid_client"


def test_userinfo_refuses_it(provider: Provider) -> None:
    answer = provider.userinfo(given(provider)["access_token"])
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_audit_has_a_line_of_each_soon(provider: Provider) -> None:
    told = [given(provider, scope="records.read") for _ in range(3)]
    names = [provider.claims(one["access_token"])["jti"] for one in told]

    wait_until(lambda: _written(provider) >= set(names), "the lines were not written")
    for line in provider.audited("tokens.client_issued"):
        name = line["detail"]["token"]
        if name not in names:
            continue
        assert (line["client_id"], line["account_id"], line["actor_id"]) == ("machine", None, None)
        assert line["detail"] == {"scope": "records.read", "token": name}
        assert line["at"] == provider.clock.now()
        names.remove(name)
    assert names == []


def test_none_is_given_while_the_audit_cannot_be_written_and_no_line_is_lost(
    tmp_path: Path, clock: MovableClock
) -> None:
    address = f"sqlite:///{tmp_path}/idp.sqlite"
    provider = Provider(tmp_path, clock, f"{address}?timeout=0.05")
    beside = Database(address)
    with beside.write():
        before_it_shows = [given(provider)["access_token"]]
        wait_until(lambda: _refused(provider, before_it_shows), "tokens are given while nothing is written")
        assert provider.audited("tokens.client_issued") == []
    names = {provider.claims(token)["jti"] for token in before_it_shows}
    wait_until(lambda: _written(provider) == names, "the lines were not written")
    wait_until(lambda: not _refused(provider, []), "no token is given though the audit can be written again")
    for database in (beside, provider.parts.database):
        database.dispose()


def _refused(provider: Provider, taken: list[str]) -> bool:
    """Ask for a token; say whether none was given, else note it."""
    answer = provider.token(CREDENTIALS, "machine")
    if answer.status_code == 200:
        taken.append(answer.get_json()["access_token"])
        return False
    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"] == "5"
    return True


def _written(provider: Provider) -> set[str]:
    return {line["detail"]["token"] for line in provider.audited("tokens.client_issued")}
