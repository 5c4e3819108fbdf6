"""OpenID Connect Core §3.1.2.1, ``id_token_hint``: the answer is about that person, or an error."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.oidc.authorization.checks import MAX_VALUE
from tests.protocol.answers import body, header_of, redirected_error, tokens
from tests.protocol.forging import by_rsa, forged
from tests.protocol.people import INSURED_ATTRIBUTES
from tests.provider import Provider, Someone


@pytest.mark.parametrize("prompt", ["none", None])
def test_the_same_person_gets_a_code(provider: Provider, doctor: Someone, prompt: str | None) -> None:
    visit = provider.browser()
    hint = tokens(provider, doctor, visit=visit)["id_token"]
    provider.clock.advance(seconds=600)
    visit.authorize(id_token_hint=hint, prompt=prompt)
    assert visit.answer["code"]


@pytest.mark.parametrize("nonce", ["n" * 512, "\x01" * 512, "𝄞" * 512])
def test_the_longest_nonce_makes_a_hint_that_is_taken(
    provider: Provider, insured: Someone, nonce: str
) -> None:
    visit = provider.browser()
    asked = json.dumps({"id_token": dict.fromkeys(INSURED_ATTRIBUTES)})
    hint = tokens(provider, insured, visit=visit, nonce=nonce, claims=asked)["id_token"]
    assert len(hint) > MAX_VALUE
    assert provider.claims(hint)["nonce"] == nonce
    visit.authorize(id_token_hint=hint, prompt="none")
    assert visit.answer["code"]


def test_a_nonce_that_is_longer_is_named_in_the_error(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize(nonce="n" * 513)
    assert visit.answer["error_description"] == "nonce is longer than 512 characters"


@pytest.mark.attack(29)
@pytest.mark.parametrize("prompt", ["none", None])
def test_somebody_else_in_the_session_gets_the_client_an_error(
    provider: Provider, doctor: Someone, insured: Someone, prompt: str | None
) -> None:
    hint = tokens(provider, doctor)["id_token"]
    visit = provider.browser()
    visit.sign_in(insured)
    visit.authorize(id_token_hint=hint, prompt=prompt)
    assert redirected_error(visit) == "login_required"


@pytest.mark.attack(29)
def test_who_signs_in_must_be_the_one_that_was_expected(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    hint = tokens(provider, doctor)["id_token"]
    for who, expected in ((insured, False), (doctor, True)):
        visit = provider.browser()
        visit.authorize(id_token_hint=hint)
        visit.identify(who)
        if expected:
            assert provider.claims(body(provider.redeem(visit.answer["code"]))["id_token"])
        else:
            assert redirected_error(visit) == "login_required"


@pytest.mark.attack(29)
def test_a_doctor_and_their_assistant_are_two_people(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    doctors, assistants = provider.browser(), provider.browser()
    own = tokens(provider, secured, visit=doctors)["id_token"]
    acted = tokens(provider, assistant, visit=assistants)["id_token"]
    for visit, theirs, others in ((doctors, own, acted), (assistants, acted, own)):
        visit.authorize(id_token_hint=theirs, prompt="none")
        assert visit.answer["code"]
        visit.authorize(id_token_hint=others, prompt="none")
        assert redirected_error(visit) == "login_required"


@pytest.mark.attack(38)
def test_anything_but_an_id_token_of_ours_for_this_client_is_refused(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    given = tokens(provider, doctor, visit=visit)
    head, claims, _signature = given["id_token"].split(".")
    foreign = by_rsa(rsa.generate_private_key(65537, 2048))
    for hint in (
        given["access_token"],
        given["id_token"][:-4] + "AAAA",
        f"{head}.{claims}.",
        forged(header_of(given["id_token"]), provider.claims(given["id_token"]), foreign),
        tokens(provider, doctor, "public")["id_token"],
        "banana",
    ):
        visit.authorize(id_token_hint=hint)
        assert redirected_error(visit) == "invalid_request", hint
