"""RFC 6750 §2.1, §3, RFC 7515 §4.1, RFC 8725: what the protected resource refuses, and how it says so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.test import TestResponse

from idp.clients.client_set import ClientSet
from idp.oidc.subjects import load_subjects
from tests.protocol.answers import body, header_of, tokens
from tests.protocol.forging import by_hmac, by_nobody, by_rsa, digest, encoded, forged, our_key
from tests.provider import Provider, Someone

_CHALLENGE = re.compile(r'Bearer realm="userinfo"(, error="([a-z_]+)", error_description="[ -!#-\[\]-~]+")?')


@dataclass(frozen=True)
class Forge:
    """A right access token, taken apart, and our own key: each test changes one thing."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: RSAPrivateKey

    def signed(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return the token with other claims (``None`` leaves one out) under our own signature."""
        told = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        return forged({**self.header, **(header or {})}, told, by_rsa(self.key))


@pytest.fixture
def forge(provider: Provider, doctor: Someone) -> Forge:
    token = tokens(provider, doctor)["access_token"]
    key = our_key(provider).key.private_key
    assert isinstance(key, RSAPrivateKey)
    return Forge(header_of(token), provider.claims(token), key)


@pytest.fixture(scope="module")
def foreign_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def refused(answer: TestResponse) -> str | None:
    """Return the error of a refusal, its challenge checked."""
    assert answer.status_code == 401, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found = _CHALLENGE.fullmatch(answer.headers["WWW-Authenticate"])
    assert found is not None, answer.headers["WWW-Authenticate"]
    assert json.loads(answer.data).get("error") == found[2]
    return cast("str | None", found[2])


def test_the_forge_makes_good_tokens_as_long_as_nothing_is_changed(provider: Provider, forge: Forge) -> None:
    assert body(provider.userinfo(forge.signed()))["sub"] == forge.claims["sub"]


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic b3Blbjph", "banana", "DPoP a.b.c"])
def test_without_a_bearer_token_the_challenge_names_no_error(provider: Provider, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}
    assert refused(provider.http().get("/oauth2/userinfo", headers=headers)) is None


@pytest.mark.parametrize(
    "token", ["a", "a.b", "a.b.c", "....", "é", "\x7f", '"', "a b", "e30.e30.e30", "null.e30."]
)
def test_no_token_at_all_is_refused(provider: Provider, token: str) -> None:
    assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(38)
@pytest.mark.parametrize("other", ["id_token", "refresh_token"])
def test_another_token_is_no_access_token(provider: Provider, doctor: Someone, other: str) -> None:
    assert refused(provider.userinfo(tokens(provider, doctor)[other])) == "invalid_token"


@pytest.mark.attack(38)
@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "AT+JWT", "application/at+jwt", None, 1])
def test_a_token_of_another_type_is_no_access_token(provider: Provider, forge: Forge, typ: object) -> None:
    assert refused(provider.userinfo(forge.signed({"typ": typ}))) == "invalid_token"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "open"},
        {"aud": ["https://idp.test", "https://evil.test"]},
        {"aud": None},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": 1},
        {"exp": [9999999999]},
        {"jti": None},
        {"jti": "../../etc"},
        {"jti": {}},
        {"jti": "A" * 64},
        {"jti": "A" * 76},
        {"jti": digest("no such grant")},
    ],
)
def test_a_token_of_ours_that_is_over_or_for_something_else_is_refused(
    provider: Provider, forge: Forge, claims: dict[str, Any]
) -> None:
    assert refused(provider.userinfo(forge.signed(**claims))) == "invalid_token"


def test_a_token_of_a_grant_that_is_gone_is_refused(provider: Provider, forge: Forge) -> None:
    grants = load_subjects(provider.parts.database, provider.parts.keyring).grants
    jti = grants.sealed(bytes.fromhex(digest("no such grant")) + bytes(9))
    assert refused(provider.userinfo(forge.signed(jti=jti))) == "invalid_token"


def test_a_token_for_a_client_that_is_gone_is_refused(
    provider: Provider, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider.parts.clients, "_present", ClientSet([]))
    assert refused(provider.userinfo(forge.signed())) == "invalid_token"


@pytest.mark.attack(34)
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_an_unsigned_token_is_refused(provider: Provider, forge: Forge, alg: str | None) -> None:
    for header in ({**forge.header, "alg": alg}, {"typ": "at+jwt", "alg": alg}):
        assert refused(provider.userinfo(forged(header, forge.claims, by_nobody))) == "invalid_token"


@pytest.mark.attack(34)
def test_a_removed_or_another_tokens_signature_is_refused(
    provider: Provider, doctor: Someone, forge: Forge
) -> None:
    head, claims, signature = forge.signed().split(".")
    other = tokens(provider, doctor)["access_token"].split(".")
    for token in (
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims}.{other[2]}",
        f"{head}..{signature}",
    ):
        assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(34)
def test_hs256_with_what_is_public_as_the_secret_is_refused(provider: Provider, forge: Forge) -> None:
    public = forge.key.public_key()
    published = json.loads(provider.http().get("/oauth2/jwks").data)["keys"]
    secrets = [
        b"",
        b"\x00",
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        provider.http().get("/oauth2/jwks").data,
        *(json.dumps(key).encode() for key in published),
        *(str(key.get("n", key.get("x"))).encode() for key in published),
    ]
    for secret in secrets:
        token = forged({**forge.header, "alg": "HS256"}, forge.claims, by_hmac(secret))
        assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    "alg", ["RS384", "PS256", "ES256", "EdDSA", "HS256", "RS1", "rs256", 256, ["RS256"], {}]
)
def test_another_algorithm_than_the_keys_is_refused(provider: Provider, forge: Forge, alg: object) -> None:
    assert refused(provider.userinfo(forge.signed({"alg": alg}))) == "invalid_token"


def test_a_foreign_signature_is_refused(provider: Provider, forge: Forge, foreign_key: RSAPrivateKey) -> None:
    token = forged(forge.header, forge.claims, by_rsa(foreign_key))
    assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(35)
@pytest.mark.parametrize(
    "kid", ["unheard-of", "../../../dev/null", "' OR 1=1 --", "\x00", "", None, 1, [], {}, True]
)
def test_an_unknown_kid_is_refused_whoever_signed(
    provider: Provider, forge: Forge, foreign_key: RSAPrivateKey, kid: object
) -> None:
    for key in (forge.key, foreign_key):
        token = forged({**forge.header, "kid": kid}, forge.claims, by_rsa(key))
        assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(35)
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t"])
@pytest.mark.parametrize("keeps_kid", [True, False])
def test_a_key_that_the_token_brings_is_not_used(
    provider: Provider,
    forge: Forge,
    foreign_key: RSAPrivateKey,
    name: str,
    keeps_kid: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = foreign_key.public_key().public_numbers()
    jwk = {
        "kty": "RSA",
        "e": "AQAB",
        "n": encoded(numbers.n.to_bytes(256, "big")),
        "kid": forge.header["kid"],
    }
    brought: dict[str, Any] = {
        "jwk": jwk,
        "jku": "https://evil.test/jwks",
        "x5u": "https://evil.test/cert.pem",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
    }
    monkeypatch.setattr("socket.getaddrinfo", _no_network)
    header = {name: value for name, value in forge.header.items() if keeps_kid or name != "kid"}
    token = forged({**header, name: brought[name]}, forge.claims, by_rsa(foreign_key))
    assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(36)
@pytest.mark.parametrize("crit", [["unheard_of"], ["exp"], [], "exp", ["b64"], [None], {}])
def test_an_extension_that_must_be_understood_is_refused(
    provider: Provider, forge: Forge, crit: object
) -> None:
    token = forge.signed({"crit": crit, "unheard_of": 1, "b64": False})
    assert refused(provider.userinfo(token)) == "invalid_token"


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    "make",
    [
        lambda forge: forge.signed({"x": "x" * 8_192}),
        lambda forge: forge.signed(x="x" * 60_000),
        lambda forge: forge.signed() + "." * 8_192,
        lambda forge: "." * 8_192,
        lambda forge: "a" * 8_193,
        lambda forge: encoded(b"[" * 6_000) + ".e30.e30",
        lambda forge: encoded(b'{"x":' * 1_100 + b"1" + b"}" * 1_100) + ".e30.e30",
        lambda forge: encoded(b'{"x":' + b"1" * 5_000 + b"}") + ".e30.e30",
        lambda forge: (
            forged(
                {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": "AAAA"},
                b"a",
                by_nobody,
            )
            + ".AAAA.AAAA"
        ),
        lambda forge: forged({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}, b"", by_nobody) + ".AAAA.AAAA",
        lambda forge: forge.signed({"p2c": 2**31 - 1, "zip": "DEF", "alg": "PBES2-HS256+A128KW"}),
    ],
)
def test_an_oversize_deep_or_costly_token_is_refused(
    provider: Provider, forge: Forge, make: Callable[[Forge], str], caplog: pytest.LogCaptureFixture
) -> None:
    token = make(forge)
    assert refused(provider.userinfo(token)) == "invalid_token"
    assert all(len(record.getMessage()) < 500 for record in caplog.records)


@pytest.mark.parametrize(
    "claims", [b"", b"null", b"[]", b'"text"', b"{", b"\xff", b'{"iss": "https://idp.test"}']
)
def test_claims_of_another_shape_under_our_own_signature_are_refused(
    provider: Provider, forge: Forge, claims: bytes
) -> None:
    assert refused(provider.userinfo(forged(forge.header, claims, by_rsa(forge.key)))) == "invalid_token"


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"null", b"[]", b'"text"', b"{", b"\xff", b"{}", b'"alg"', b'["alg", "b64"]'),
        *(b'{"alg": ["RS256"]}', b'{"alg": "RS256", "kid": {}}'),
        *(b'{"alg": "RS256", "crit": 5}', b'{"alg": "RS256", "crit": [[]]}'),
    ],
)
def test_a_header_of_another_shape_is_refused(provider: Provider, forge: Forge, header: bytes) -> None:
    assert refused(provider.userinfo(forged(header, forge.claims, by_rsa(forge.key)))) == "invalid_token"


def _no_network(*_args: object, **_more: object) -> None:
    raise AssertionError("an address of a token was looked up")
