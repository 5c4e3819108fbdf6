"""One session for every client (OpenID Connect Core §3.1.2.3): a second service asks nothing that was proved."""

from __future__ import annotations

from typing import Any

from idp.accounts import authenticators
from tests.protocol.answers import activate, body
from tests.provider import Provider, Someone, Visit


def test_a_second_client_needs_no_new_sign_in_and_hears_of_the_same_session(
    provider: Provider, secured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(secured)
    first = _claims(provider, visit, "open")
    provider.clock.advance(seconds=300)
    visit.authorize("portal")
    second = _claims(provider, visit, "portal")
    for name in ("sub", "sid", "auth_time", "acr", "amr"):
        assert second[name] == first[name]
    assert second["aud"] == "portal"
    assert second["iat"] == first["iat"] + 300


def test_another_browser_shares_nothing(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    other = provider.browser()
    other.authorize("portal")
    assert other.step == "identification"
    other.identify(doctor)
    assert _claims(provider, other, "portal")["sid"] != _claims(provider, visit, "open")["sid"]


def test_a_client_that_demands_two_factors_steps_a_password_session_up_in_place(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    first = _claims(provider, visit, "open")
    cookie = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    visit.authorize("strict")
    assert visit.step == "activation"
    activate(visit)
    second = _claims(provider, visit, "strict")
    assert (first["acr"], second["acr"]) == ("pwd", "mfa")
    assert (second["sid"], second["auth_time"]) == (first["sid"], first["auth_time"])
    renewed = visit.client.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None
    assert renewed is not None
    assert cookie.value != renewed.value
    assert first["sid"] not in cookie.value


def test_a_session_from_before_the_activation_is_asked_for_the_code_alone(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    secret = provider.parts.plugins.possession.new_secret()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        authenticators.activate(
            connection, provider.parts.keyring, account_id, secret, None, provider.clock.now()
        )
    visit.authorize()
    assert visit.step == "code"
    visit.enter_code(Someone(doctor.identifier, doctor.password, doctor.name, secret))
    assert _claims(provider, visit, "open")["amr"] == ["pwd", "otp", "mfa"]


def test_the_session_of_an_assistant_reaches_only_clients_that_allow_assistants(
    provider: Provider, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(assistant)
    assert _claims(provider, visit, "open")["act"]["name"] == "NAUDIN Fernand"
    visit.authorize("portal")
    assert _claims(provider, visit, "portal")["act"]["name"] == "NAUDIN Fernand"
    visit.authorize("retirement")
    assert (visit.left_for, visit.page.status, visit.step) == (None, 403, "refused")


def test_somebody_else_at_the_same_browser_gets_a_session_of_their_own(
    provider: Provider, secured: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(secured)
    first = _claims(provider, visit, "open")
    provider.clock.advance(seconds=60)
    visit.authorize(prompt="select_account")
    visit.identify(assistant)
    visit.enter_code(assistant)
    second = _claims(provider, visit, "open")
    assert second["sub"] == first["sub"]
    assert second["sid"] != first["sid"]
    assert "act" not in first
    assert second["act"]["name"] == "NAUDIN Fernand"


def _claims(provider: Provider, visit: Visit, client_id: str) -> dict[str, Any]:
    return provider.claims(body(provider.redeem(visit.answer["code"], client_id))["id_token"])
