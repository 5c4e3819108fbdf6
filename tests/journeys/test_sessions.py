"""Single sign-on: new ids at each rise, bounded lifetimes, one person at a time."""

from __future__ import annotations

from typing import Any

import pytest

from idp.app import create_app
from tests.journeys.story import activate, audit_lines, cookie, plant, switch_user
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
    assert names == {f"__Host-idp_{name}" for name in ("browser", "proof", "identifier", "session")}
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
        visit.authorize(prompt="none")
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
        visit.authorize(prompt="none")
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
        visit.authorize(prompt="none")
    visit.authorize("strict")
    activate(visit, newcomer)
    provider.clock.advance(seconds=899)
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


def test_changing_the_user_ends_the_session_and_its_tokens(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    tokens = _tokens(provider, visit)
    old = cookie(visit, "session")
    assert old is not None
    visit.get("/profile")
    switch_user(visit)
    assert not cookie(visit, "session")
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    plant(visit, "session", old)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"
    assert [line["kind"] for line in audit_lines(provider)].count("session.signed_out") == 1


def test_changing_the_user_also_ends_what_other_tabs_have_proved(
    provider: Provider, doctor: Someone, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    visit.authorize("strict", prompt="login")
    visit.identify(newcomer)
    assert visit.step == "activation"
    under_way = visit.page
    visit.get("/")
    switch_user(visit)
    visit.page = under_way
    visit.get(under_way.url)
    assert visit.step == "identification"


def test_a_second_person_at_one_browser_ends_the_first_ones_session_and_tokens(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    doctors = _tokens(provider, visit)
    visit.authorize(prompt="login")
    visit.identify(insured)
    insureds = _tokens(provider, visit)
    assert provider.refresh(doctors["refresh_token"]).status_code == 400
    assert provider.userinfo(doctors["access_token"]).status_code == 401
    assert provider.userinfo(insureds["access_token"]).status_code == 200
    visit.authorize(prompt="none")
    claims = _claims(provider, visit)
    assert claims["sub"] == provider.claims(insureds["id_token"])["sub"]
    lines = [line for line in audit_lines(provider) if line["kind"] == "session.signed_out"]
    with provider.parts.database.read() as connection:
        assert [line["account_id"] for line in lines] == [provider.account_id(connection, doctor)]


@pytest.mark.attack(60)
@pytest.mark.parametrize("doctor_first", [True, False])
def test_the_actor_never_changes_without_a_new_code(
    provider: Provider, doctor: Someone, assistant: Someone, doctor_first: bool
) -> None:
    first, second = (doctor, assistant) if doctor_first else (assistant, doctor)
    visit = provider.browser()
    visit.sign_in(first)

    def name_of_actor(client_id: str) -> str | None:
        act = _claims(provider, visit, client_id).get("act")
        return act["name"] if act else None

    expected = {doctor.name: None, assistant.name: assistant.name}
    assert name_of_actor("open") == expected[first.name]
    for client_id in ("open", "strict", "portal", "public"):
        provider.clock.advance(seconds=61)
        visit.authorize(client_id, prompt="none")
        assert name_of_actor(client_id) == expected[first.name]
    visit.authorize("strict", prompt="login")
    visit.identify(second)
    visit.authorize("open", prompt="none")
    assert name_of_actor("open") == expected[first.name]
    visit.authorize("strict", prompt="login")
    visit.identify(second)
    visit.enter_code(second)
    assert name_of_actor("strict") == expected[second.name]
    visit.authorize("open", prompt="none")
    assert name_of_actor("open") == expected[second.name]


def test_signing_in_again_as_the_same_person_keeps_the_tokens(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    tokens = _tokens(provider, visit)
    provider.clock.advance(seconds=30)
    visit.sign_in(doctor, prompt="login")
    assert provider.userinfo(tokens["access_token"]).status_code == 200


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
