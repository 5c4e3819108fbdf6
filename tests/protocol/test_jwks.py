"""RFC 7517 §5 and OpenID Connect Core §10.1: the public keys, and the key that each token names."""

from __future__ import annotations

import base64
import json
from hashlib import sha256, sha512
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from tests.protocol.answers import body, header_of, tokens
from tests.protocol.forging import our_key
from tests.provider import Provider, Someone

PATH = "/oauth2/jwks"
CLIENTS_BY_ALG = [("open", "RS256"), ("salted", "PS256"), ("public", "ES256"), ("edwards", "EdDSA")]


@pytest.fixture
def published(provider: Provider) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(provider.http().get(PATH))["keys"]
    return found


def test_no_private_member_is_published(published: list[dict[str, Any]]) -> None:
    public = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
    for key in published:
        assert set(key) == {"kty", "kid", "use", "alg"} | public[key["kty"]]


def test_each_key_says_what_it_is_for(published: list[dict[str, Any]]) -> None:
    assert sorted((key["kty"], key["alg"], key["use"]) for key in published) == [
        ("EC", "ES256", "sig"),
        ("OKP", "EdDSA", "sig"),
        ("RSA", "PS256", "sig"),
        ("RSA", "RS256", "sig"),
    ]


def test_each_kid_is_unique_and_the_thumbprint_of_its_key(published: list[dict[str, Any]]) -> None:
    assert len({key["kid"] for key in published}) == len(published)
    for key in published:
        assert JWKRegistry.import_key(key).thumbprint() == key["kid"]


def test_the_keys_are_long_enough(published: list[dict[str, Any]]) -> None:
    by_alg = {key["alg"]: key for key in published}
    for alg in ("RS256", "PS256"):
        assert len(base64.urlsafe_b64decode(by_alg[alg]["n"] + "==")) * 8 >= 2048
    assert (by_alg["ES256"]["crv"], by_alg["EdDSA"]["crv"]) == ("P-256", "Ed25519")


@pytest.mark.parametrize(("client_id", "alg"), CLIENTS_BY_ALG)
def test_every_token_names_its_key_and_has_the_algorithm_of_the_client_file(
    provider: Provider, published: list[dict[str, Any]], doctor: Someone, client_id: str, alg: str
) -> None:
    kid = next(key["kid"] for key in published if key["alg"] == alg)
    first = tokens(provider, doctor, client_id)
    second = body(provider.refresh(first["refresh_token"], client_id))
    for given in (first, second):
        for token, typ in ((given["id_token"], "JWT"), (given["access_token"], "at+jwt")):
            assert header_of(token) == {"typ": typ, "alg": alg, "kid": kid}
            assert provider.claims(token)["sub"]


@pytest.mark.parametrize(("client_id", "alg"), CLIENTS_BY_ALG)
def test_at_hash_is_by_the_hash_of_the_algorithm(
    provider: Provider, doctor: Someone, client_id: str, alg: str
) -> None:
    given = tokens(provider, doctor, client_id)
    hashed = sha512 if alg == "EdDSA" else sha256
    digest = hashed(given["access_token"].encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    assert provider.claims(given["id_token"])["at_hash"] == half


@pytest.mark.attack(34)
def test_a_key_verifies_no_other_algorithm_than_its_own(
    provider: Provider, published: list[dict[str, Any]], doctor: Someone
) -> None:
    """The RSA key of RS256 under PS256: the same kind of key, and never meant for it."""
    given = tokens(provider, doctor)
    ours = our_key(provider)
    claims = json.loads(base64.urlsafe_b64decode(given["access_token"].split(".")[1] + "=="))
    header = {"typ": "at+jwt", "alg": "PS256", "kid": ours.kid}
    other = jwt.encode(header, claims, ours.key, algorithms=["PS256"])
    assert provider.userinfo(given["access_token"]).status_code == 200
    assert provider.userinfo(other).status_code == 401
    assert {key["kid"] for key in published if key["kty"] == "RSA"} > {ours.kid}


def test_another_key_of_the_set_verifies_nothing(
    provider: Provider, published: list[dict[str, Any]], doctor: Someone
) -> None:
    token = tokens(provider, doctor, "public")["id_token"]
    others = [key for key in published if key["alg"] != "ES256"]
    with pytest.raises(JoseError):
        jwt.decode(token, KeySet.import_key_set({"keys": others}), algorithms=["RS256", "ES256"])


def test_a_token_that_was_altered_does_not_verify(provider: Provider, doctor: Someone) -> None:
    head, claims, signature = tokens(provider, doctor)["id_token"].split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    altered = base64.urlsafe_b64encode(json.dumps({**decoded, "acr": "mfa"}).encode()).rstrip(b"=").decode()
    with pytest.raises(JoseError):
        provider.claims(f"{head}.{altered}.{signature}")


def test_the_set_may_be_cached_and_is_not_sent_again_once_known(provider: Provider) -> None:
    first = provider.http().get(PATH)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in first.headers
    known = provider.http().get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert provider.http().get(PATH, headers={"If-None-Match": '"another"'}).status_code == 200
