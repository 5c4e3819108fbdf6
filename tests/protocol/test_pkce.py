"""RFC 7636 and RFC 9700 §4.8: the proof key, S256 only, demanded unless the client's file says otherwise."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from tests.protocol.answers import body, redirected_error, token_error
from tests.provider import VERIFIER, Provider, Someone

NO_CHALLENGE: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}

pytestmark = pytest.mark.attack(18)


@pytest.mark.parametrize(
    "changes",
    [
        NO_CHALLENGE,
        {"code_challenge": None},
        {"code_challenge": ""},
        {"code_challenge_method": None},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge": "c" * 42},
        {"code_challenge": "c" * 44},
        {"code_challenge": "c" * 42 + "="},
        {"code_challenge": "c" * 42 + "+"},
        {"code_challenge": "c" * 42 + "é"},
        {"code_challenge": "c" * 43 + "\n"},
    ],
)
@pytest.mark.parametrize("client_id", ["open", "public", "native"])
def test_a_request_without_an_s256_challenge_is_refused_at_the_authorization_endpoint(
    provider: Provider, client_id: str, changes: dict[str, str | None]
) -> None:
    visit = provider.browser()
    visit.authorize(client_id, **changes)
    assert redirected_error(visit, client_id) == "invalid_request"


@pytest.mark.parametrize("client_id", ["open", "public"])
def test_the_right_verifier_is_accepted(provider: Provider, doctor: Someone, client_id: str) -> None:
    code = provider.browser().sign_in(doctor, client_id)
    assert provider.redeem(code, client_id).status_code == 200


@pytest.mark.parametrize("length", [43, 128])
def test_the_shortest_and_the_longest_verifier_are_accepted(
    provider: Provider, doctor: Someone, length: int
) -> None:
    verifier = ("az09-._~" * 16)[:length]
    code = provider.browser().sign_in(doctor, code_challenge=_challenge(verifier))
    assert provider.redeem(code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize("length", [42, 129])
def test_a_verifier_of_a_forbidden_length_is_refused_though_it_fits(
    provider: Provider, doctor: Someone, length: int
) -> None:
    verifier = ("az09-._~" * 17)[:length]
    code = provider.browser().sign_in(doctor, code_challenge=_challenge(verifier))
    assert token_error(provider.redeem(code, code_verifier=verifier)) == "invalid_grant"


@pytest.mark.parametrize(
    "verifier", ["", "v" * 43, VERIFIER[:-1], VERIFIER + "a", VERIFIER.swapcase(), VERIFIER + "\n", "é" * 43]
)
@pytest.mark.parametrize("client_id", ["open", "public"])
def test_a_missing_or_wrong_verifier_is_refused_and_spends_nothing(
    provider: Provider, doctor: Someone, client_id: str, verifier: str
) -> None:
    code = provider.browser().sign_in(doctor, client_id)
    assert token_error(provider.redeem(code, client_id, code_verifier=verifier)) == "invalid_grant"
    assert provider.redeem(code, client_id).status_code == 200


def test_the_challenge_itself_is_no_verifier(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor)
    refused = provider.redeem(code, code_verifier=_challenge(VERIFIER))
    assert token_error(refused) == "invalid_grant"


def test_a_client_whose_file_makes_it_optional_may_do_without(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor, "plain", **NO_CHALLENGE)
    assert body(provider.redeem(code, "plain", code_verifier=""))["id_token"]


def test_a_superfluous_verifier_is_refused(provider: Provider, doctor: Someone) -> None:
    code = provider.browser().sign_in(doctor, "plain", **NO_CHALLENGE)
    assert token_error(provider.redeem(code, "plain")) == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge": None}, {"code_challenge_method": None}, {"code_challenge_method": "plain"}],
)
def test_where_it_is_optional_half_of_it_is_refused(
    provider: Provider, changes: dict[str, str | None]
) -> None:
    visit = provider.browser()
    visit.authorize("plain", **changes)
    assert redirected_error(visit, "plain") == "invalid_request"


def test_where_it_is_optional_a_challenge_that_was_sent_must_be_met(
    provider: Provider, doctor: Someone
) -> None:
    code = provider.browser().sign_in(doctor, "plain")
    assert token_error(provider.redeem(code, "plain", code_verifier="")) == "invalid_grant"
    assert provider.redeem(code, "plain").status_code == 200


def _challenge(verifier: str) -> str:
    return str(create_s256_code_challenge(verifier))  # type: ignore[no-untyped-call]
