"""OpenID Connect Core §2, §3.1.3.6, §3.1.3.7, RFC 8176, RFC 8693 §4.1: what an ID token says, exactly."""

from __future__ import annotations

import base64
import hashlib
from datetime import date

import pytest
from sqlalchemy import select

from idp.storage.schema import account, delegation
from tests.protocol.answers import body, header_of, tokens
from tests.provider import ISSUER, START, Provider, Someone

ALWAYS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
NOW = int(START.timestamp())


def test_of_a_password_sign_in(provider: Provider, doctor: Someone) -> None:
    claims = provider.claims(tokens(provider, doctor)["id_token"])
    assert set(claims) == ALWAYS
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "open", "the-nonce")
    assert (claims["acr"], claims["amr"]) == ("pwd", ["pwd"])
    assert (claims["auth_time"], claims["iat"], claims["exp"]) == (NOW, NOW, NOW + 300)


def test_of_a_sign_in_with_two_factors(provider: Provider, secured: Someone) -> None:
    claims = provider.claims(tokens(provider, secured)["id_token"])
    assert set(claims) == ALWAYS
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp", "mfa"])


def test_auth_time_is_that_of_the_oldest_factor(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(secured)
    provider.clock.advance(seconds=45)
    visit.enter_code(secured)
    provider.clock.advance(seconds=10)
    claims = provider.claims(body(provider.redeem(visit.answer["code"]))["id_token"])
    assert (claims["auth_time"], claims["iat"]) == (NOW, NOW + 55)


def test_of_an_assistant(provider: Provider, secured: Someone) -> None:
    assistant = provider.add_assistant(secured, "NAUDIN Fernand", last=date(2026, 3, 29))
    claims = provider.claims(tokens(provider, assistant)["id_token"])
    assert set(claims) == ALWAYS | {"act", "delegation"}
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, secured)
        holder = connection.scalar(select(account.c.person_id).where(account.c.id == account_id))
        row = connection.execute(select(delegation).where(delegation.c.account_id == account_id)).one()
    assert claims["sub"] == holder
    assert claims["act"] == {"sub": row.person_id, "name": "NAUDIN Fernand"}
    assert claims["delegation"] == {"id": row.id, "valid_from": "2025-12-03", "valid_until": "2026-03-29"}


def test_of_an_assistant_without_a_last_day(provider: Provider, assistant: Someone) -> None:
    claims = provider.claims(tokens(provider, assistant)["id_token"])
    assert claims["delegation"]["valid_until"] is None


def test_the_doctor_of_an_assistant_acts_for_nobody(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    assert set(provider.claims(tokens(provider, secured)["id_token"])) == ALWAYS


@pytest.mark.parametrize("nonce", ["n", 'é€ 𝄞"\\', "n" * 512])
def test_the_nonce_comes_back_as_it_was(provider: Provider, doctor: Someone, nonce: str) -> None:
    assert provider.claims(tokens(provider, doctor, nonce=nonce)["id_token"])["nonce"] == nonce


def test_without_a_nonce_there_is_none(provider: Provider, doctor: Someone) -> None:
    claims = provider.claims(tokens(provider, doctor, nonce=None)["id_token"])
    assert set(claims) == ALWAYS - {"nonce"}


@pytest.mark.parametrize("client_id", ["open", "public"])
def test_at_hash_is_the_left_half_of_the_access_tokens_digest(
    provider: Provider, doctor: Someone, client_id: str
) -> None:
    given = tokens(provider, doctor, client_id)
    digest = hashlib.sha256(given["access_token"].encode("ascii")).digest()
    expected = base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
    assert provider.claims(given["id_token"])["at_hash"] == expected


def test_every_standard_scope_leaves_the_person_out_of_it(provider: Provider, insured: Someone) -> None:
    given = tokens(provider, insured, scope="openid profile email phone address offline_access")
    assert set(provider.claims(given["id_token"])) == ALWAYS
    assert "Durand" not in str(provider.claims(given["id_token"]))


def test_the_type_says_that_it_is_no_access_token(provider: Provider, doctor: Someone) -> None:
    assert header_of(tokens(provider, doctor)["id_token"])["typ"] == "JWT"


def test_the_subject_is_the_same_everywhere_and_says_nothing(provider: Provider, doctor: Someone) -> None:
    first = provider.claims(tokens(provider, doctor)["id_token"])
    second = provider.claims(tokens(provider, doctor, "public")["id_token"])
    assert first["sub"] == second["sub"]
    assert len(first["sub"]) == 32
    assert doctor.identifier not in str(first)


def test_sid_is_new_for_each_session_and_never_the_cookie(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    first = provider.claims(tokens(provider, doctor, visit=visit)["id_token"])
    second = provider.claims(tokens(provider, doctor)["id_token"])
    assert first["sid"] != second["sid"]
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None
    assert first["sid"] not in cookie.value
