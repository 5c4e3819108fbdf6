"""The middleware before a portal that knows only headers: nothing but what the gateway signed for this host passes."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from joserfc.jwk import ECKey
from legacy_portal.assertion import AssertionVerifier, OnlyThroughTheGateway
from legacy_portal.keys import ProviderKeys
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from tests.gateway.asserting import (
    ABSENT,
    ACT,
    ACTING,
    DOCTOR,
    HOST,
    ISSUER,
    PLAIN,
    KnownKeys,
    StillClock,
    asserted,
    new_key,
)
from tests.portal.forging import with_header
from tests.portal.stand_in import encoded
from tests.servers import free_port


@pytest.fixture(scope="module")
def key() -> ECKey:
    return new_key()


@pytest.fixture
def portal(key: ECKey) -> Client:
    return guarded(KnownKeys(key))


def guarded(keys: Any) -> Client:
    @Request.application
    def app(request: Request) -> Response:
        return Response(
            ",".join(sorted(value for name, value in request.headers if name.startswith("Remote-")))
        )

    verifier = AssertionVerifier(keys, StillClock(), issuer=ISSUER, audience=HOST)
    return Client(OnlyThroughTheGateway(app, verifier, ["/ouvert"]), TestResponse)


def ask(
    portal: Client, assertion: str | None, plain: dict[str, str] = PLAIN, path: str = "/"
) -> TestResponse:
    return portal.get(path, headers=plain | ({} if assertion is None else {"Remote-Assertion": assertion}))


def why(answer: TestResponse) -> str:
    assert answer.status_code == 401
    told = answer.headers["WWW-Authenticate"]
    return told.partition('error_description="')[2].rstrip('"')


def test_what_the_gateway_signed_passes_for_the_doctor_and_for_an_assistant(
    portal: Client, key: ECKey
) -> None:
    assert "608349" in ask(portal, asserted(key)).text
    assert "NAUDIN Fernand" in ask(portal, asserted(key, act=ACT), ACTING).text


def test_a_header_that_the_assertion_does_not_repeat_is_dropped(portal: Client, key: ECKey) -> None:
    answer = ask(portal, asserted(key), {**PLAIN, "Remote-Groups": "admin"})
    assert "health_professional" in answer.text.split(",")
    assert "admin" not in answer.text


@pytest.mark.attack(46)
@pytest.mark.parametrize("assertion", [None, "", "a.b.c", "A" * 9000])
def test_a_call_around_the_proxy_is_refused(portal: Client, assertion: str | None) -> None:
    assert why(ask(portal, assertion)) in ("assertion", "signature")


@pytest.mark.attack(46)
@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "autre.example.org"}, "aud"),
        ({"aud": [HOST]}, "aud"),
        ({"aud": ABSENT}, "aud"),
        ({"exp": DOCTOR["iat"] - 6}, "exp"),
        ({"exp": ABSENT}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": DOCTOR["iat"] + 6}, "iat"),
        ({"sub": ABSENT}, "sub"),
    ],
)
def test_an_assertion_of_another_issuer_host_or_time_is_refused(
    portal: Client, key: ECKey, changes: dict[str, Any], claim: str
) -> None:
    assert why(ask(portal, asserted(key, **changes))) == claim


@pytest.mark.attack(38)
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "logout+jwt", ABSENT])
def test_another_kind_of_token_is_no_assertion(portal: Client, key: ECKey, typ: object) -> None:
    assert why(ask(portal, asserted(key, {"typ": typ}))) == "typ"


@pytest.mark.attack(34)
def test_only_es256_by_a_published_key_is_a_signature(portal: Client, key: ECKey) -> None:
    content = with_header({"alg": "HS256", "typ": "gateway+jwt", "kid": key.kid})(asserted(key)).rpartition(
        "."
    )[0]
    # By hand: joserfc refuses to take a public key for a shared one; an attacker's program does not.
    tag = hmac.digest(key.as_pem(private=False), content.encode(), hashlib.sha256)
    by_public_key = f"{content}.{encoded(tag)}"
    none = with_header({"alg": "none", "typ": "gateway+jwt"})(asserted(key))
    other = asserted(new_key())
    for forged in (by_public_key, none, other, asserted(key)[:-8] + "AAAAAAAA"):
        assert why(ask(portal, forged)) == "signature"


@pytest.mark.attack(41)
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Remote-User", "p-2"),
        ("Remote-User", "p-1,p-1"),
        ("Remote-Name", "AUTRE"),
        ("Remote-Login", ""),
        ("Remote-Profile", "employer"),
        ("Remote-Profile", ""),
        ("Remote-Acr", "pwd"),
        ("Remote-Actor", "a-1"),
        ("Remote-Actor-Name", "NAUDIN Fernand"),
    ],
)
def test_a_plain_header_that_says_something_else_is_refused(
    portal: Client, key: ECKey, header: str, value: str
) -> None:
    assert why(ask(portal, asserted(key), {**PLAIN, header: value})) == header.lower()


@pytest.mark.attack(41)
def test_an_assistant_does_not_become_the_doctor_when_a_header_is_lost(portal: Client, key: ECKey) -> None:
    assert why(ask(portal, asserted(key, act=ACT), PLAIN)) == "remote-actor"


def test_on_a_public_path_everybody_passes_as_nobody(portal: Client, key: ECKey) -> None:
    for path in ("/ouvert", "/ouvert/plus"):
        answer = ask(portal, asserted(key), path=path)
        assert (answer.status_code, answer.text) == (200, "")
    assert ask(portal, None, path="/ouverture").status_code == 401


def test_a_new_key_is_fetched_when_an_unknown_one_signed(key: ECKey) -> None:
    rotated = new_key("two")
    assert ask(guarded(KnownKeys(key, rotated=rotated)), asserted(rotated)).status_code == 200


def test_without_keys_it_is_503_and_nobody_passes(key: ECKey) -> None:
    keys = ProviderKeys(f"http://127.0.0.1:{free_port()}", StillClock())
    answer = ask(guarded(keys), asserted(key))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
