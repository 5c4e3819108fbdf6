"""RFC 7523 §3, Core §9: a client signs who it is, for this provider, for minutes, and once."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.app import create_app
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.outbound import Outbound
from tests.assertions import asserted, assertion, private_key, public_jwk
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.journeys.failing import FailingEphemeral, Failure
from tests.partners import HOST, Names, Partner, running
from tests.protocol.answers import body, token_error, tokens
from tests.protocol.forging import by_hmac, by_nobody, encoded, forged
from tests.provider import ISSUER, START, Provider, Someone

GRANT = {"grant_type": "refresh_token", "refresh_token": "no-such-token"}
TOKEN = f"{ISSUER}/oauth2/token"
NOW = int(START.timestamp())

BY_ALGORITHM = [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "okp"), ("Ed25519", "okp")]

CLIENTS: Mapping[str, Mapping[str, Any]] = {
    "signs": {"jwks": {"keys": [public_jwk(kid) for kid in ("rsa", "ec", "okp")]}},
    "one-key": {"jwks": {"keys": [public_jwk("ec")]}},
    "two-keys": {"jwks": {"keys": [public_jwk("ec"), public_jwk("ec-next")]}},
    "only-ps": {"jwks": {"keys": [public_jwk("rsa")]}, "token_endpoint_auth_signing_alg": "PS256"},
    "newer": {"jwks": {"keys": [{**public_jwk("okp"), "alg": "Ed25519"}]}},
    "narrow": {"jwks": {"keys": [{**public_jwk("rsa"), "alg": "RS256"}]}},
    "older": {"jwks": {"keys": [public_jwk("ec")]}, "client_assertion_audience": "token_endpoint"},
    "other": {"jwks": {"keys": [public_jwk("ec-other")]}},
}


def _client(client_id: str, more: Mapping[str, Any]) -> Client:
    base: dict[str, Any] = {
        "client_id": client_id,
        "name": client_id,
        "redirect_uris": [f"https://{client_id}.test/callback"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": ["openid", "profile", "offline_access"],
        "profiles": ["health_professional"],
        "mfa": "optional",
    }
    return Client.model_validate({**base, **more})


@pytest.fixture(scope="module")
def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    whole = Provider(tmp_path_factory.mktemp("provider"), MovableClock())
    ours = [_client(client_id, more) for client_id, more in CLIENTS.items()]
    whole.parts = replace(whole.parts, clients=ClientRegistry([*whole.parts.clients, *ours]))
    whole.app = create_app(whole.settings, whole.parts)
    yield whole
    whole.parts.database.dispose()


def ask(provider: Provider, signed: str, **more: str) -> TestResponse:
    return provider.http().post("/oauth2/token", data={**GRANT, **asserted(signed), **more})


def accepted(answer: TestResponse) -> None:
    """The client is known: only the grant is not."""
    assert token_error(answer) == "invalid_grant"


def refused(answer: TestResponse) -> None:
    """The one same answer that every unknown client gets."""
    assert token_error(answer, 401) == "invalid_client"
    assert answer.get_json()["error_description"] == "client authentication failed"
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(("alg", "kid"), BY_ALGORITHM)
def test_a_right_assertion_of_each_algorithm_is_accepted(provider: Provider, alg: str, kid: str) -> None:
    accepted(ask(provider, assertion("signs", ISSUER, START, alg=alg, kid=kid)))
    accepted(ask(provider, assertion("signs", [ISSUER], START, alg=alg, kid=kid), client_id="signs"))


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_a_key_named_by_the_newer_algorithm_signs_under_either_name(provider: Provider, alg: str) -> None:
    accepted(ask(provider, assertion("newer", ISSUER, START, alg=alg, kid="okp")))
    assert token_error(ask(provider, assertion("newer", ISSUER, START, alg="ES256", kid="ec")), 401)


def test_a_code_is_exchanged_and_refreshed_by_assertions(provider: Provider, doctor: Someone) -> None:
    given = tokens(provider, doctor, "asserting")
    assert body(provider.refresh(given["refresh_token"], "asserting"))["access_token"]


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None},
        {"typ": "jwt"},
        {"typ": "client-authentication+jwt"},
        {"x5t": "AAAA", "x5t#S256": "AAAA"},
    ],
)
def test_a_header_that_says_no_more_than_needed_is_accepted(
    provider: Provider, header: dict[str, Any]
) -> None:
    accepted(ask(provider, assertion("signs", ISSUER, START, header=header)))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW + 600},
        {"exp": NOW + 60.5},
        {"exp": NOW - 20},
        {"iat": None},
        {"iat": NOW + 20, "nbf": NOW + 20},
        {"iat": NOW - 600},
        {"nbf": NOW - 10**9},
        {"jti": "é" * 256},
        {"jti": "\ud800"},
    ],
)
def test_the_clients_clock_may_differ_by_half_a_minute(provider: Provider, claims: dict[str, Any]) -> None:
    accepted(ask(provider, assertion("signs", ISSUER, START, **claims)))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"iss": None},
        {"iss": ISSUER},
        {"iss": ["signs"]},
        {"sub": "other"},
        {"sub": "unheard_of"},
        {"sub": None},
        {"sub": ["signs"]},
        {"sub": "signs "},
        {"sub": "open", "iss": "open"},
        {"sub": "public", "iss": "public"},
        {"sub": "other", "iss": "other"},
        {"exp": None},
        {"exp": NOW - 30},
        {"exp": NOW + 631},
        {"exp": str(NOW + 60)},
        {"exp": True},
        {"exp": [NOW + 60]},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"iat": NOW + 31},
        {"iat": NOW - 631},
        {"iat": "now"},
        {"iat": float("nan")},
        {"nbf": NOW + 31},
        {"nbf": False},
        {"nbf": float("nan")},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 257},
    ],
    ids=repr,
)
def test_claims_of_anybody_or_any_time_else_are_refused(provider: Provider, claims: dict[str, Any]) -> None:
    refused(ask(provider, assertion("signs", ISSUER, START, **claims)))


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "",
        [],
        f"{ISSUER}/",
        ISSUER.upper(),
        TOKEN,
        "https://other.test",
        "signs",
        [ISSUER, TOKEN],
        [ISSUER, ISSUER],
        [ISSUER, "https://other.test"],
        [[ISSUER]],
        {ISSUER: 1},
        True,
    ],
    ids=repr,
)
def test_only_the_issuer_is_the_audience(provider: Provider, audience: object) -> None:
    refused(ask(provider, assertion("signs", audience, START)))


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER], TOKEN, [TOKEN], [ISSUER, TOKEN]], ids=repr)
def test_where_the_file_says_so_the_endpoint_is_an_audience_too(provider: Provider, audience: object) -> None:
    accepted(ask(provider, assertion("older", audience, START)))


@pytest.mark.parametrize(
    "audience",
    [
        [],
        f"{TOKEN}/",
        f"{ISSUER}/oauth2/introspect",
        [ISSUER, "https://other.test"],
        ["https://other.test/oauth2/token", TOKEN],
    ],
    ids=repr,
)
def test_an_audience_beside_them_is_refused(provider: Provider, audience: object) -> None:
    refused(ask(provider, assertion("older", audience, START)))


@pytest.mark.parametrize("name", ["introspect", "revoke"])
def test_the_other_endpoints_take_assertions_for_themselves(provider: Provider, name: str) -> None:
    path = f"/oauth2/{name}"
    for audience in (ISSUER, TOKEN, ISSUER + path):
        form = {"token": "any", **asserted(assertion("older", audience, START))}
        assert provider.http().post(path, data=form).status_code == 200
    other = {"introspect": "revoke", "revoke": "introspect"}[name]
    form = {"token": "any", **asserted(assertion("older", f"{ISSUER}/oauth2/{other}", START))}
    refused(provider.http().post(path, data=form))


@pytest.mark.attack(35)
@pytest.mark.parametrize(
    "header",
    [
        {"jwk": "the key that signed"},
        {"jku": "https://attacker.test/jwks"},
        {"x5u": "https://attacker.test/cert"},
        {"x5c": ["AAAA"]},
        {"kid": "../ec"},
        {"kid": "../../etc/passwd"},
        {"kid": "ec\x00"},
        {"kid": "EC"},
        {"kid": ["ec"]},
        {"kid": 1},
        {"kid": "unheard-of"},
    ],
    ids=repr,
)
def test_a_key_that_the_assertion_brings_or_points_at_is_refused(
    provider: Provider, header: dict[str, Any]
) -> None:
    if "jwk" in header:
        header = {"jwk": public_jwk("ec-other")}
    for kid in ("ec", "ec-other"):
        refused(ask(provider, assertion("signs", ISSUER, START, kid=kid, header={"kid": "ec", **header})))


@pytest.mark.attack(36)
@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": NOW},
        {"crit": ["unheard_of"], "unheard_of": True},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"p2c": 2**31 - 1, "p2s": "AAAA"},
        {"cty": "JWT"},
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 5},
    ],
    ids=repr,
)
def test_a_header_that_asks_for_more_is_refused(provider: Provider, header: dict[str, Any]) -> None:
    refused(ask(provider, assertion("signs", ISSUER, START, header=header)))


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    "alg", ["none", "None", "", "HS256", "HS512", "RS512", "ES384", "Ed25519", "RSA-OAEP"]
)
def test_another_algorithm_is_refused(provider: Provider, alg: str) -> None:
    claims = json.loads(_decoded(assertion("signs", ISSUER, START).split(".")[1]))
    public = private_key("rsa").as_pem(private=False)
    for header in ({"alg": alg, "kid": "rsa"}, {"alg": alg}):
        for signer in (by_nobody, by_hmac(public), by_hmac(b"")):
            refused(ask(provider, forged(header, claims, signer)))


@pytest.mark.attack(34)
@pytest.mark.parametrize(
    ("client_id", "alg", "kid"),
    [
        ("only-ps", "RS256", "rsa"),
        ("narrow", "PS256", "rsa"),
        ("one-key", "RS256", "rsa"),
        ("one-key", "EdDSA", "okp"),
    ],
)
def test_only_the_algorithm_of_file_and_key_is_taken(
    provider: Provider, client_id: str, alg: str, kid: str
) -> None:
    refused(ask(provider, assertion(client_id, ISSUER, START, alg=alg, kid=kid)))


def test_the_algorithm_of_the_file_is_taken(provider: Provider) -> None:
    accepted(ask(provider, assertion("only-ps", ISSUER, START, alg="PS256", kid="rsa")))
    accepted(ask(provider, assertion("narrow", ISSUER, START, alg="RS256", kid="rsa")))


@pytest.mark.attack(34)
def test_the_header_names_an_algorithm_that_the_key_does_not_make(provider: Provider) -> None:
    for alg, kid in (("RS256", "ec"), ("ES256", "okp"), ("EdDSA", "rsa"), ("PS256", "ec")):
        refused(ask(provider, assertion("signs", ISSUER, START, kid="ec", header={"alg": alg, "kid": kid})))


def test_without_kid_the_one_key_that_fits_is_used(provider: Provider) -> None:
    accepted(ask(provider, assertion("one-key", ISSUER, START, header={"kid": None})))
    accepted(ask(provider, assertion("signs", ISSUER, START, header={"kid": None})))
    refused(ask(provider, assertion("two-keys", ISSUER, START, header={"kid": None})))


def test_both_keys_count_while_one_replaces_the_other(provider: Provider) -> None:
    for kid in ("ec", "ec-next"):
        accepted(ask(provider, assertion("two-keys", ISSUER, START, kid=kid)))


def test_the_signature_must_be_of_the_client_and_over_all_of_it(provider: Provider) -> None:
    refused(ask(provider, assertion("other", ISSUER, START, kid="ec", header={"kid": "ec-other"})))
    right = assertion("signs", ISSUER, START)
    header, claims, signature = right.split(".")
    longer = {**json.loads(_decoded(claims)), "exp": NOW + 500}
    refused(ask(provider, f"{header}.{encoded(longer)}.{signature}"))
    refused(ask(provider, f"{encoded({'alg': 'ES256', 'kid': 'ec'})}.{claims}.{signature}"))
    refused(ask(provider, f"{header}.{claims}."))
    refused(ask(provider, f"{header}..{signature}"))
    accepted(ask(provider, right))


ES256 = encoded({"alg": "ES256"})
SUB = encoded({"sub": "signs"})
DEEP = encoded(b'{"sub":' * 800 + b"1" + b"}" * 800)


@pytest.mark.attack(37)
@pytest.mark.parametrize(
    "signed",
    [
        "x",
        "..",
        "a.b.c",
        "é.é.é",
        "a.b.c.d.e",
        "." * 8_193,
        "a" * 60_000,
        encoded(b"[" * 6_000) + ".e30.e30",
        "e30." + encoded(b"[" * 5_000) + ".e30",
        f"{ES256}.{encoded(b'[' * 5_000)}.AAAA",
        f"{ES256}.{DEEP}.AAAA",
        f"{ES256}.{encoded(b'1' * 5_000)}.AAAA",
        *(f"{encoded(header)}.{SUB}.AAAA" for header in (b'["alg","b64"]', b'"alg"', b"5", b"")),
        *(f"{ES256}.{encoded(claims)}.AAAA" for claims in (b"[]", b"null", b'"sub"', b"\xff", b"")),
        encoded({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}) + ".AAAA.AAAA.AAAA.AAAA",
    ],
    ids=range(22),
)
def test_what_is_no_signed_jwt_is_refused_in_few_words(
    provider: Provider, signed: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused(ask(provider, signed))
    assert all(len(record.getMessage()) < 200 for record in caplog.records)


@pytest.mark.attack(37)
def test_an_oversize_assertion_is_refused_though_it_is_signed(provider: Provider) -> None:
    refused(ask(provider, assertion("signs", ISSUER, START, more="x" * 8_192)))
    refused(ask(provider, assertion("signs", ISSUER, START, header={"x5t": "x" * 600})))
    accepted(ask(provider, assertion("signs", ISSUER, START, more="x" * 2_000)))


leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["ES256", "RS256", "EdDSA", "none", "HS256"]) | anything},
    optional=dict.fromkeys(("kid", "typ", "crit", "b64", "x5t", "jwk", "jku"), anything),
)
claims_of_ours = st.fixed_dictionaries(
    {"iss": st.just("signs"), "sub": st.just("signs")},
    optional=dict.fromkeys(("aud", "exp", "iat", "nbf", "jti"), anything)
    | {"aud": st.just(ISSUER), "exp": st.just(NOW + 60), "jti": st.just("any")},
)


@pytest.mark.attack(37)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=headers | anything, claims=claims_of_ours | anything, signature=st.binary(max_size=80))
def test_whatever_is_asserted_without_the_key_is_refused(
    provider: Provider, header: Any, claims: Any, signature: bytes
) -> None:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    refused(ask(provider, ".".join(map(encoded, parts))))


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": "jwt-bearer"},
        {"client_assertion_type": ""},
        {"client_assertion": ""},
        {"client_id": "other"},
        {"client_id": "unheard_of"},
    ],
)
def test_what_stands_beside_the_assertion_must_agree_with_it(
    provider: Provider, form: dict[str, str]
) -> None:
    signed = assertion("signs", ISSUER, START)
    refused(provider.http().post("/oauth2/token", data={**GRANT, **asserted(signed), **form}))
    accepted(ask(provider, signed))


def test_an_assertion_beside_another_method_is_refused_and_stays_good(provider: Provider) -> None:
    signed = assertion("signs", ISSUER, START)
    assert token_error(ask(provider, signed, client_secret="any")) == "invalid_request"
    header = {"Authorization": f"Basic {base64.b64encode(b'signs:any').decode()}"}
    answer = provider.http().post("/oauth2/token", data={**GRANT, **asserted(signed)}, headers=header)
    assert token_error(answer) == "invalid_request"
    accepted(ask(provider, signed))


def test_an_assertion_counts_once(provider: Provider) -> None:
    signed = assertion("signs", ISSUER, START, exp=NOW + 600)
    accepted(ask(provider, signed))
    refused(ask(provider, signed))
    refused(provider.http().post("/oauth2/introspect", data={"token": "any", **asserted(signed)}))
    provider.clock.advance(seconds=629)
    refused(ask(provider, signed))
    provider.clock.advance(seconds=1)
    refused(ask(provider, signed))


def test_the_same_jti_counts_once_for_each_client(provider: Provider) -> None:
    accepted(ask(provider, assertion("signs", ISSUER, START, jti="shared")))
    accepted(ask(provider, assertion("one-key", ISSUER, START, jti="shared")))
    refused(ask(provider, assertion("signs", ISSUER, START, jti="shared", kid="rsa", alg="RS256")))


def test_a_refused_assertion_spends_nothing(provider: Provider) -> None:
    refused(
        ask(provider, assertion("signs", ISSUER, START, jti="mine", kid="ec-other", header={"kid": "ec"}))
    )
    refused(ask(provider, assertion("signs", TOKEN, START, jti="mine")))
    accepted(ask(provider, assertion("signs", ISSUER, START, jti="mine")))


def test_of_twenty_at_once_one_is_accepted(provider: Provider) -> None:
    signed = assertion("signs", ISSUER, START)
    together = Barrier(20)

    def one(_number: int) -> int:
        together.wait()
        return ask(provider, signed).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(20)))
    assert (answers.count(400), answers.count(401)) == (1, 19)


def test_without_the_store_nothing_is_accepted(provider: Provider) -> None:
    failure = Failure()
    failure.at, failure.lasting = 0, True
    store = FailingEphemeral(provider.parts.ephemeral, failure)
    app = create_app(provider.settings, replace(provider.parts, ephemeral=store))
    form = {**GRANT, **asserted(assertion("signs", ISSUER, START))}
    answer = app.test_client(use_cookies=False).post("/oauth2/token", data=form)
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "temporarily_unavailable"
    assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("5", "no-store")


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with running(server_context(tmp_path, HOST)) as made:
        yield made


@pytest.fixture
def published(provider: Provider, partner: Partner, tmp_path: Path) -> FlaskClient:
    """Give the provider with a client that publishes its keys."""
    trusted = ssl.create_default_context(cafile=str(certificate(tmp_path, HOST)))
    outbound = Outbound([ip_network("127.0.0.0/8")], trusted, Names(["127.0.0.1"]))
    clients = ClientRegistry([_client("publishes", {"jwks_uri": partner.url})])
    app = create_app(provider.settings, replace(provider.parts, clients=clients, outbound=outbound))
    return app.test_client(use_cookies=False)


def test_a_client_that_publishes_its_keys_changes_them_by_itself(
    provider: Provider, published: FlaskClient, partner: Partner
) -> None:
    def asked(kid: str) -> TestResponse:
        signed = assertion("publishes", ISSUER, provider.clock.now(), kid=kid)
        return published.post("/oauth2/token", data={**GRANT, **asserted(signed)})

    partner.body = json.dumps({"keys": [public_jwk("ec")]}).encode()
    accepted(asked("ec"))
    partner.body = json.dumps({"keys": [public_jwk("ec"), public_jwk("ec-next")]}).encode()
    provider.clock.advance(seconds=10)
    accepted(asked("ec-next"))
    accepted(asked("ec"))
    partner.body = json.dumps({"keys": [public_jwk("ec-next")]}).encode()
    provider.clock.advance(seconds=300)
    refused(asked("ec"))
    accepted(asked("ec-next"))


def test_while_its_keys_cannot_be_fetched_the_client_is_told_to_come_again(
    provider: Provider, published: FlaskClient, partner: Partner
) -> None:
    partner.status = 500
    form = {**GRANT, **asserted(assertion("publishes", ISSUER, START))}
    answer = published.post("/oauth2/token", data=form)
    assert token_error(answer, 503) == "temporarily_unavailable"
    assert answer.headers["Retry-After"] == "10"
    partner.status, partner.body = 200, json.dumps({"keys": [public_jwk("ec")]}).encode()
    provider.clock.advance(seconds=10)
    accepted(published.post("/oauth2/token", data=form))


@pytest.mark.attack(32)
@pytest.mark.parametrize("change", [{"iss": "other"}, {"aud": TOKEN}, {"exp": NOW - 60}, {"jti": None}])
def test_what_is_wrong_at_first_sight_fetches_nothing(
    published: FlaskClient, partner: Partner, change: dict[str, Any]
) -> None:
    signed = assertion("publishes", ISSUER, START, **change)
    refused(published.post("/oauth2/token", data={**GRANT, **asserted(signed)}))
    assert partner.requests == []


def test_the_operator_reads_why_and_the_client_does_not(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        refused(ask(provider, assertion("signs", TOKEN, START)))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "client signs: assertion refused: for another audience"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
