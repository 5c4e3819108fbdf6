"""OpenID Connect Core §3.1.2.1, §3.1.2.3, §3.1.2.6: ``prompt``, ``max_age``, ``acr_values`` are honoured."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.answers import activate, body, redirected_error, tokens
from tests.provider import START, Provider, Someone, Visit

pytestmark = pytest.mark.attack(29)


def test_prompt_none_without_a_session_gets_login_required_and_no_page(provider: Provider) -> None:
    visit = provider.browser()
    visit.authorize(prompt="none")
    assert redirected_error(visit) == "login_required"


def test_prompt_none_with_a_session_gets_a_code_and_no_page(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(prompt="none")
    assert visit.answer["code"]


@pytest.mark.parametrize("who", ["doctor", "assistant"])
@pytest.mark.parametrize("hinted", [True, False])
def test_prompt_none_keeps_who_signed_in_and_when(
    provider: Provider, who: str, hinted: bool, request: pytest.FixtureRequest
) -> None:
    visit = provider.browser()
    given = tokens(provider, request.getfixturevalue(who), visit=visit)
    before = provider.claims(given["id_token"])
    provider.clock.advance(seconds=900)
    hint = given["id_token"] if hinted else None
    visit.authorize(prompt="none", id_token_hint=hint, max_age="900")
    after = _claims(provider, visit)
    kept = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after.get("act") == before.get("act")
    assert after["iat"] == before["iat"] + 900


@pytest.mark.parametrize("hinted", [False, True])
def test_prompt_none_keeps_subject_and_auth_time(provider: Provider, secured: Someone, hinted: bool) -> None:
    visit = provider.browser()
    given = tokens(provider, secured, visit=visit)
    before = provider.claims(given["id_token"])
    provider.clock.advance(seconds=120)
    visit.authorize(prompt="none", id_token_hint=given["id_token"] if hinted else None)
    after = _claims(provider, visit)
    assert {name: after[name] for name in ("sub", "auth_time", "sid", "acr", "amr")} == {
        name: before[name] for name in ("sub", "auth_time", "sid", "acr", "amr")
    }


def test_prompt_none_for_a_profile_that_the_client_does_not_admit_gets_access_denied(
    provider: Provider, insured: Someone
) -> None:
    visit = _signed_in(provider, insured)
    visit.authorize("portal", prompt="none")
    assert redirected_error(visit, "portal") == "access_denied"


def test_prompt_none_at_a_client_that_refuses_assistants_gets_access_denied(
    provider: Provider, assistant: Someone
) -> None:
    visit = _signed_in(provider, assistant)
    visit.authorize("retirement", prompt="none")
    assert redirected_error(visit, "retirement") == "access_denied"


def test_prompt_none_at_a_client_that_demands_more_gets_login_required(
    provider: Provider, doctor: Someone
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize("strict", prompt="none")
    assert redirected_error(visit, "strict") == "login_required"


@pytest.mark.parametrize("prompt", ["login", "select_account", "login select_account"])
def test_prompt_login_asks_for_the_factors_again_and_auth_time_moves(
    provider: Provider, secured: Someone, prompt: str
) -> None:
    visit = provider.browser()
    before = _id_token(provider, visit, secured)
    provider.clock.advance(seconds=90)
    visit.authorize(prompt=prompt)
    assert visit.step == "identification"
    visit.identify(secured)
    assert visit.step == "code"
    visit.enter_code(secured)
    after = _claims(provider, visit)
    assert after["auth_time"] == before["auth_time"] + 90
    assert after["sid"] == before["sid"]


def test_prompt_login_is_not_met_by_asking_again_without_it(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(prompt="login")
    transaction = visit.page.url
    visit.authorize()
    assert visit.answer["code"]
    visit.get(transaction)
    assert visit.step == "identification"


def test_max_age_zero_asks_again_at_once(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(max_age="0")
    assert visit.step == "identification"


def test_max_age_holds_to_the_second_and_auth_time_moves_with_the_new_sign_in(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    first = _id_token(provider, visit, doctor, max_age="1")
    assert first["auth_time"] == int(START.timestamp())
    provider.clock.advance(seconds=1)
    visit.authorize(max_age="1")
    assert _claims(provider, visit)["auth_time"] == first["auth_time"]
    provider.clock.advance(seconds=1)
    visit.authorize(max_age="1")
    assert visit.step == "identification"
    visit.identify(doctor)
    assert _claims(provider, visit)["auth_time"] == first["auth_time"] + 2


def test_max_age_is_judged_by_the_oldest_factor(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    provider.clock.advance(seconds=300)
    visit.authorize("strict")
    activate(visit)
    assert _claims(provider, visit, "strict")["auth_time"] == int(START.timestamp())
    visit.authorize("strict", max_age="200")
    assert visit.step == "identification"


def test_max_age_runs_on_while_the_code_page_waits(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize("strict", max_age="60")
    assert visit.step == "activation"
    provider.clock.advance(seconds=61)
    visit.get(visit.page.url)
    assert visit.step == "identification"


def test_an_old_session_and_prompt_none_with_max_age_get_login_required(
    provider: Provider, doctor: Someone
) -> None:
    visit = _signed_in(provider, doctor)
    provider.clock.advance(seconds=61)
    visit.authorize(max_age="60", prompt="none")
    assert redirected_error(visit) == "login_required"


def test_acr_mfa_steps_a_password_session_up_in_place(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    before = _id_token(provider, visit, doctor)
    assert before["acr"] == "pwd"
    visit.authorize(acr_values="mfa")
    assert visit.step == "activation"
    activate(visit)
    after = _claims(provider, visit)
    assert (after["acr"], after["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert (after["sid"], after["auth_time"]) == (before["sid"], before["auth_time"])


@pytest.mark.parametrize(
    ("acr_values", "step"),
    [
        ("mfa pwd", "activation"),
        ("pwd mfa", None),
        ("unheard_of mfa", "activation"),
        ("unheard_of pwd", None),
        ("unheard_of urn:example:gold", None),
        ("MFA", None),
        ('é"\\', None),
    ],
)
def test_acr_values_are_an_order_of_preference_and_unknown_ones_are_ignored(
    provider: Provider, doctor: Someone, acr_values: str, step: str | None
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(acr_values=acr_values)
    assert (visit.left_for is None) == (step is not None)
    if step is not None:
        assert visit.step == step


@pytest.mark.parametrize("acr_values", ["mfa", "unheard_of mfa"])
def test_prompt_none_with_an_acr_that_is_not_met_gets_that_error(
    provider: Provider, doctor: Someone, acr_values: str
) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(acr_values=acr_values, prompt="none")
    assert redirected_error(visit) == "unmet_authentication_requirements"


def test_prompt_none_is_met_by_any_of_the_asked_acr_values(provider: Provider, doctor: Someone) -> None:
    visit = _signed_in(provider, doctor)
    visit.authorize(acr_values="mfa pwd", prompt="none")
    assert _claims(provider, visit)["acr"] == "pwd"


@pytest.mark.parametrize(
    "asked", [{"acr_values": "pwd"}, {"claims": '{"id_token": {"acr": {"value": "pwd"}}}'}]
)
def test_an_acr_below_the_clients_floor_lowers_nothing(
    provider: Provider, doctor: Someone, asked: dict[str, str]
) -> None:
    visit = provider.browser()
    visit.authorize("strict", **asked)
    visit.identify(doctor)
    assert visit.step == "activation"
    activate(visit)
    assert _claims(provider, visit, "strict")["acr"] == "mfa"


@pytest.mark.parametrize("client_id", ["open", "twin"])
@pytest.mark.parametrize("asked", [{}, {"max_age": "600"}, {"max_age": "0"}, {"acr_values": "gold"}])
def test_acr_and_auth_time_are_always_told(
    provider: Provider, doctor: Someone, client_id: str, asked: dict[str, Any]
) -> None:
    given = tokens(provider, doctor, client_id, **asked)
    for token in (given["id_token"], given["access_token"]):
        claims = provider.claims(token)
        assert (claims["acr"], claims["auth_time"]) == ("pwd", int(START.timestamp()))


def test_an_acr_below_what_the_account_needs_lowers_nothing(provider: Provider, secured: Someone) -> None:
    visit = provider.browser()
    visit.authorize(acr_values="pwd")
    visit.identify(secured)
    assert visit.step == "code"


def _signed_in(provider: Provider, who: Someone) -> Visit:
    visit = provider.browser()
    visit.sign_in(who)
    return visit


def _id_token(provider: Provider, visit: Visit, who: Someone, **changes: str | None) -> dict[str, Any]:
    return provider.claims(tokens(provider, who, "open", visit, **changes)["id_token"])


def _claims(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    """Return the ID token behind the code that the browser just carried."""
    return provider.claims(body(provider.redeem(visit.answer["code"], client_id))["id_token"])
