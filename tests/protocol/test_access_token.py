"""RFC 9068 §2: what an access token says, exactly."""

from __future__ import annotations

import pytest

from tests.protocol.answers import body, header_of, tokens
from tests.provider import ISSUER, START, Provider, Someone

ALWAYS = {"iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope", "auth_time", "acr", "amr", "sid"}
NOW = int(START.timestamp())


def test_it_is_for_the_provider_itself_and_lives_five_minutes(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor)
    claims = provider.claims(given["access_token"])
    assert set(claims) == ALWAYS
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, ISSUER, "open")
    assert (claims["iat"], claims["exp"], given["expires_in"]) == (NOW, NOW + 300, 300)
    assert claims["scope"] == given["scope"] == "openid profile offline_access"


def test_its_type_says_what_it_is(provider: Provider, doctor: Someone) -> None:
    assert header_of(tokens(provider, doctor)["access_token"])["typ"] == "at+jwt"


def test_it_says_the_same_as_the_id_token_about_who_is_there(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    for who, more in ((secured, set()), (assistant, {"act", "delegation"})):
        given = tokens(provider, who)
        claims, told = provider.claims(given["access_token"]), provider.claims(given["id_token"])
        assert set(claims) == ALWAYS | more
        for name in {"sub", "acr", "amr", "auth_time", "sid"} | more:
            assert claims[name] == told[name]


def test_jti_is_never_the_same(provider: Provider, doctor: Someone) -> None:
    first = tokens(provider, doctor)
    second = body(provider.refresh(first["refresh_token"]))
    third = body(provider.refresh(first["refresh_token"]))
    assert len({provider.claims(one["access_token"])["jti"] for one in (first, second, third)}) == 3


def test_the_scope_is_what_was_granted(provider: Provider, doctor: Someone) -> None:
    claims = provider.claims(tokens(provider, doctor, scope="openid email unheard_of")["access_token"])
    assert claims["scope"] == "openid email"


def test_nothing_of_the_person_is_in_it(provider: Provider, insured: Someone) -> None:
    given = tokens(provider, insured, scope="openid profile email phone address")
    assert set(provider.claims(given["access_token"])) == ALWAYS
    assert "Durand" not in str(provider.claims(given["access_token"]))


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 401)])
def test_it_ends_to_the_second(provider: Provider, doctor: Someone, seconds: int, status: int) -> None:
    given = tokens(provider, doctor)
    provider.clock.advance(seconds=seconds)
    assert provider.userinfo(given["access_token"]).status_code == status
