"""Single sign-on: new ids at each rise, bounded lifetimes, one person at a time."""

from __future__ import annotations

from typing import Any

import pytest

from idp.app import create_app
from tests.journeys.story import activate, cookie, plant
from tests.provider import Provider, Someone, Visit


def _tokens(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    answer = provider.redeem(visit.answer["code"], client_id)
    assert answer.status_code == 200
    return dict(answer.get_json())


def _claims(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    return provider.claims(_tokens(provider, visit, client_id)["id_token"])


def test_a_second_service_opens_without_asking(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    first = _claims(provider, visit)
    provider.clock.advance(seconds=100)
    visit.authorize("strict", prompt="none")
    second = _claims(provider, visit, "strict")
    assert (first["sid"], first["auth_time"]) == (second["sid"], second["auth_time"])


@pytest.mark.attack(27)
def test_the_cookie_is_new_at_password_code_and_step_up(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    seen = []
    visit.authorize()
    visit.identify(newcomer)
    seen.append(cookie(visit, "session"))
    visit.authorize("strict")
    phone = activate(visit, newcomer)
    seen.append(cookie(visit, "session"))
    visit.authorize(prompt="login")
    visit.identify(phone)
    seen.append(cookie(visit, "proof"))
    provider.clock.advance(seconds=30)
    visit.enter_code(phone)
    seen.append(cookie(visit, "session"))
    assert None not in seen
    assert len(set(seen)) == 4


@pytest.mark.attack(27)
def test_the_session_before_a_rise_is_dead(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    old = cookie(visit, "session")
    assert old is not None
    visit.authorize("strict")
    activate(visit, newcomer)
    thief = provider.browser()
    plant(thief, "session", old)
    thief.authorize(prompt="none")
    assert thief.answer["error"] == "login_required"


@pytest.mark.attack(27)
def test_ids_fixed_beforehand_are_ignored_and_replaced(provider: Provider, newcomer: Someone) -> None:
    fixed = "f" * 43
    visit = provider.browser()
    for purpose in ("session", "proof"):
        plant(visit, purpose, fixed)
    visit.sign_in(newcomer)
    assert cookie(visit, "session") not in (None, fixed)
    attacker = provider.browser()
    plant(attacker, "session", fixed)
    attacker.authorize(prompt="none")
    assert attacker.answer["error"] == "login_required"


@pytest.mark.attack(27)
def test_a_session_that_an_attacker_opened_before_does_not_rise_with_the_victim(
    provider: Provider, newcomer: Someone, doctor: Someone
) -> None:
    attacker = provider.browser()
    attacker.sign_in(newcomer)
    planted = cookie(attacker, "session")
    assert planted is not None
    victim = provider.browser()
    plant(victim, "session", planted)
    victim.authorize("strict", prompt="login")
    victim.identify(doctor)
    victim.enter_code(doctor)
    assert "code" in victim.answer
    attacker.authorize(prompt="none")
    assert attacker.answer["error"] == "login_required"


@pytest.mark.attack(28)
def test_every_cookie_is_host_only_secure_and_out_of_scripts_reach(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    lines = []
    visit.authorize()
    assert visit.response is not None
    lines += visit.response.headers.getlist("Set-Cookie")
    for path, entered in (
        (visit.page.url, {"identifier": doctor.identifier, "password": doctor.password, "remember_me": "1"}),
        (visit.page.url.replace("identification", "code"), {"code": doctor.code(provider.clock)}),
    ):
        data = {**visit.page.forms[0].fields, **entered}
        answer = visit.client.post(
            path, data=data, base_url="https://idp.test", headers={"Referer": "https://idp.test/"}
        )
        lines += answer.headers.getlist("Set-Cookie")
    names = {line.partition("=")[0] for line in lines}
    assert names == {f"__Host-idp_{name}" for name in ("browser", "proof", "identifier", "session", "device")}
    for line in lines:
        attributes = {part.strip() for part in line.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not any(attribute.lower().startswith("domain") for attribute in attributes)


@pytest.mark.attack(28)
def test_a_cookie_with_the_name_that_a_sibling_domain_could_set_is_ignored(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    value = cookie(visit, "session")
    assert value is not None
    other = provider.browser()
    for name in ("idp_session", "__Secure-idp_session", "session"):
        other.client.set_cookie(name, value, domain="idp.test")
    other.authorize(prompt="none")
    assert other.answer["error"] == "login_required"


def test_an_idle_session_ends_and_a_used_one_goes_on(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    for _ in range(4):
        provider.clock.advance(seconds=1799)
        visit.authorize()
        assert "code" in visit.answer
    provider.clock.advance(seconds=1800)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_a_session_ends_after_its_absolute_lifetime_however_much_it_is_used(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    for _ in range(8 * 4 - 1):
        provider.clock.advance(seconds=900)
        visit.authorize()
        assert "code" in visit.answer
    provider.clock.advance(seconds=899)
    visit.authorize(prompt="none")
    assert "code" in visit.answer
    provider.clock.advance(seconds=1)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_a_step_up_does_not_make_the_password_before_it_last_longer(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    for _ in range(8 * 4 - 1):
        provider.clock.advance(seconds=900)
        visit.authorize()
    other = provider.browser()
    other.authorize("strict")
    other.identify(newcomer)
    activated = activate(other, newcomer)
    visit.authorize("strict")
    provider.clock.advance(seconds=30)
    visit.enter_code(activated)
    provider.clock.advance(seconds=869)
    visit.authorize(prompt="none")
    assert "code" in visit.answer
    provider.clock.advance(seconds=1)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_sid_is_stable_over_step_up_and_is_not_the_cookie(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    before = _claims(provider, visit)
    provider.clock.advance(seconds=60)
    visit.authorize("strict")
    activate(visit, newcomer)
    after = _claims(provider, visit, "strict")
    assert before["sid"] == after["sid"]
    assert after["sid"] != cookie(visit, "session")
    assert (before["acr"], after["acr"]) == ("pwd", "mfa")
    assert before["auth_time"] == after["auth_time"]


def test_sid_is_new_for_another_actor_and_in_another_browser(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    doctors = _claims(provider, visit)["sid"]
    visit.authorize(prompt="login")
    visit.identify(doctor)
    visit.enter_code(assistant)
    assistants = _claims(provider, visit)["sid"]
    provider.clock.advance(seconds=30)
    elsewhere = provider.browser()
    elsewhere.sign_in(doctor)
    assert len({doctors, assistants, _claims(provider, elsewhere)["sid"]}) == 3


def test_a_disabled_account_is_out_at_its_next_request(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    tokens = _tokens(provider, visit)
    provider.disable(doctor)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    visit.get("/profile")
    assert visit.step == "identification"


def test_a_profile_taken_out_of_the_settings_is_signed_in_nowhere(
    provider: Provider, insured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(insured)
    profiles = {name: one for name, one in provider.settings.profiles.items() if name != "insured"}
    after = create_app(provider.settings.model_copy(update={"profiles": profiles}), provider.parts)
    value = cookie(visit, "session")
    assert value is not None
    visit.client = after.test_client()
    plant(visit, "session", value)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"
