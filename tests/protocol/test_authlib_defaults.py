"""What Authlib 1.9 lets pass by default, and this provider does not: one test each of design.md's list."""

from __future__ import annotations

import ast
import base64
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

import idp
from tests.protocol.answers import body, header_of, redirected_error, token_error, tokens
from tests.provider import CLIENT_SECRET, ISSUER, VERIFIER, Provider, Someone, authorization_request
from tests.storage.racing import race

CREDENTIALS = base64.b64encode(f"open:{CLIENT_SECRET}".encode()).decode()
BASIC = {"Authorization": f"Basic {CREDENTIALS}"}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "a"}


def test_plain_proof_keys_are_refused(provider: Provider) -> None:
    assert "plain" in CodeChallenge.SUPPORTED_CODE_CHALLENGE_METHOD
    visit = provider.browser()
    visit.authorize(code_challenge=VERIFIER, code_challenge_method="plain")
    assert redirected_error(visit) == "invalid_request"


def test_a_public_client_without_a_proof_key_is_refused_before_anybody_signs_in(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize("public", code_challenge=None, code_challenge_method=None)
    assert redirected_error(visit, "public") == "invalid_request"


def test_concurrent_redemptions_of_one_code_succeed_once(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor)
    statuses = race(8, lambda _number: provider.redeem(code).status_code)
    assert sorted(statuses) == [200, *[400] * 7]


@pytest.mark.parametrize(
    ("name", "value"), [("prompt", "banana"), ("claims", "{banana"), ("max_age", "banana")]
)
def test_a_malformed_parameter_is_refused(provider: Provider, name: str, value: str) -> None:
    visit = provider.browser()
    visit.authorize(**{name: value})
    assert redirected_error(visit) == "invalid_request"


@pytest.mark.attack(33)
def test_duplicate_parameters_are_refused_at_both_endpoints(provider: Provider) -> None:
    visit = provider.browser()
    visit.get(f"/oauth2/authorize?{urlencode(authorization_request('open'))}&max_age=1&max_age=2")
    assert redirected_error(visit) == "invalid_request"
    answer = provider.http().post(
        "/oauth2/token", data={**REFRESH, "scope": ["openid", "email"]}, headers=BASIC
    )
    assert token_error(answer) == "invalid_request"


def test_grant_type_in_the_address_is_refused(provider: Provider) -> None:
    answer = provider.http().post(
        "/oauth2/token?grant_type=refresh_token", data={"refresh_token": "a"}, headers=BASIC
    )
    assert token_error(answer) == "invalid_request"


def test_two_client_authentications_at_once_are_refused(provider: Provider) -> None:
    both = {**REFRESH, "client_id": "open", "client_secret": CLIENT_SECRET}
    assert token_error(provider.http().post("/oauth2/token", data=both, headers=BASIC)) == "invalid_request"


def test_another_client_in_the_body_than_in_the_header_is_refused(provider: Provider) -> None:
    mixed = {**REFRESH, "client_id": "public"}
    assert token_error(provider.http().post("/oauth2/token", data=mixed, headers=BASIC)) == "invalid_request"


@pytest.mark.attack(17)
def test_errors_say_who_sent_them(provider: Provider) -> None:
    visit = provider.browser()
    for changes in ({"prompt": "none"}, {"prompt": "banana"}, {"scope": "openid practitioner"}):
        visit.authorize(**changes)
        assert visit.answer["iss"] == ISSUER
        assert "error" in visit.answer


def test_every_token_names_its_key(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    published = {key["kid"] for key in json.loads(provider.http().get("/oauth2/jwks").data)["keys"]}
    assert {header_of(given[name])["kid"] for name in ("id_token", "access_token")} < published


def test_access_tokens_live_for_minutes_not_for_days(provider: Provider, doctor: Someone) -> None:
    assert BearerTokenGenerator.GRANT_TYPES_EXPIRES_IN["authorization_code"] == 864_000
    given = tokens(provider, doctor)
    claims = provider.claims(given["access_token"])
    assert given["expires_in"] == claims["exp"] - claims["iat"] == 300


@pytest.mark.attack(39)
def test_what_is_known_of_a_person_overwrites_nothing_that_was_proved(provider: Provider) -> None:
    lies: dict[str, object] = {"acr": "mfa", "act": {"sub": "me"}, "iss": "https://evil.test", "sub": "me"}
    given = tokens(provider, provider.add("liar", "Menteur", attributes=lies))
    told = {**provider.claims(given["id_token"]), **body(provider.userinfo(given["access_token"]))}
    assert (told["acr"], told["iss"]) == ("pwd", ISSUER)
    assert "act" not in told
    assert told["sub"] != "me"


def test_refreshed_id_tokens_keep_what_was_proved(provider: Provider, secured: Someone) -> None:
    first = tokens(provider, secured)
    provider.clock.advance(seconds=60)
    second = body(provider.refresh(first["refresh_token"]))
    before, after = provider.claims(first["id_token"]), provider.claims(second["id_token"])
    for name in ("acr", "amr", "auth_time"):
        assert after[name] == before[name]


def test_client_secrets_are_compared_as_digests_in_constant_time(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[Any] = []

    def spy(one: str, other: str) -> bool:
        compared.extend((one, other))
        return one == other

    monkeypatch.setattr("idp.clients.model.hmac.compare_digest", spy)
    answer = provider.http().post("/oauth2/token", data={"grant_type": "banana"}, headers=BASIC)
    assert answer.status_code == 400
    provider.token({"grant_type": "refresh_token"}, "posting")
    assert compared
    assert all(len(value) == 64 for value in compared)
    assert CLIENT_SECRET not in str(list(provider.parts.clients))


@pytest.mark.attack(70)
def test_debug_logs_hold_no_password_code_token_or_secret(
    provider: Provider, secured: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("authlib", "idp", "sqlalchemy.engine", "werkzeug"):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.getLogger("tests").debug("the log is being read")
    visit = provider.browser()
    visit.authorize()
    visit.identify(secured)
    otp = secured.code(provider.clock)
    visit.submit(code=otp)
    code = visit.answer["code"]
    given = [body(provider.redeem(code))]
    given.append(body(provider.refresh(given[0]["refresh_token"])))
    provider.userinfo(given[1]["access_token"])
    provider.userinfo(given[1]["access_token"] + "a")
    provider.redeem(code)
    provider.redeem(code, "public")
    provider.refresh(given[0]["refresh_token"], "public")
    provider.http().post("/oauth2/token", data={**REFRESH, "client_secret": CLIENT_SECRET})
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    visit.get(f"/logout?id_token_hint={given[1]['id_token']}")
    assert cookie is not None
    assert "the log is being read" in caplog.text
    secrets = [
        secured.password,
        otp,
        secured.secret,
        code,
        VERIFIER,
        CLIENT_SECRET,
        CREDENTIALS,
        cookie.value,
    ]
    for one in given:
        secrets += [one[name] for name in ("access_token", "id_token", "refresh_token")]
    assert [secret for secret in secrets if secret is None or secret in caplog.text] == []


def test_nothing_imports_the_deprecated_jose() -> None:
    imported = {
        name
        for path in Path(idp.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in _modules(node)
    }
    assert "authlib.oauth2" in imported
    assert not [name for name in imported if name.startswith("authlib.jose")]


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
