"""Several people at one computer: each new one ends the session before, and nobody takes over somebody else's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from idp.accounts import delegations, directory
from tests.journeys.story import audit_lines, cookie, plant, switch_user
from tests.provider import Provider, Someone, Visit


def _tokens(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    answer = provider.redeem(visit.answer["code"], client_id)
    assert answer.status_code == 200
    return dict(answer.get_json())


def _claims(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    return provider.claims(_tokens(provider, visit, client_id)["id_token"])


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


@pytest.mark.attack(56)
def test_a_session_left_open_adds_nobody_until_password_and_code_are_shown_again(provider: Provider) -> None:
    doctor = provider.add("608349", "NOMOCUMO Hyveme", mfa=True)
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=900)
    assert visit.get("/profile/assistants/new").status == 200
    provider.clock.advance(seconds=1)
    page = visit.get("/profile/assistants/new")
    assert (page.status, page.error) == (403, "insufficient_user_authentication")
    visit.submit()
    assert visit.step == "identification"
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == "/profile/assistants/new"
    assert visit.page.status == 200


@pytest.mark.attack(74)
def test_a_session_left_open_activates_no_phone_without_the_password(provider: Provider) -> None:
    doctor = provider.add("408461", "HKLOMTZULT Fifqoe")
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=301)
    visit.get("/profile")
    visit.submit()
    assert visit.step == "identification"
    visit.identify(doctor)
    assert visit.step == "activation"


def test_a_disabled_account_that_is_enabled_again_has_no_session_left(provider: Provider) -> None:
    doctor = provider.add("608349", "NOMOCUMO Hyveme", mfa=True)
    visit = provider.browser()
    visit.sign_in(doctor)
    provider.clock.advance(seconds=1)
    provider.disable(doctor)
    with provider.parts.database.write() as connection:
        directory.set_disabled(connection, provider.account_id(connection, doctor), None)
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


@pytest.mark.attack(51)
def test_an_end_that_has_passed_and_was_lifted_again_leaves_no_session(provider: Provider) -> None:
    doctor = provider.add("608349", "NOMOCUMO Hyveme", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand", last=date(2026, 1, 15))
    visit = provider.browser()
    visit.sign_in(assistant)
    provider.clock.advance(seconds=86_400)
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        (one,) = delegations.of_account(connection, account_id)
        assert delegations.set_end(connection, account_id, one.id, None, 10, provider.clock.now())
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"
    assert provider.redeem(provider.browser().sign_in(assistant)).status_code == 200


@pytest.mark.attack(4)
def test_an_assistants_own_code_buys_no_further_guesses_at_the_doctors(provider: Provider) -> None:
    doctor = provider.add("608349", "NOMOCUMO Hyveme", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    guesses = provider.browser()
    guesses.authorize()
    guesses.identify(doctor)
    for _ in range(3):
        assert guesses.submit(code="000000").status == 422
    provider.browser().sign_in(assistant)
    assert guesses.submit(code="000000").status == 422
    assert guesses.submit(code="000000").status == 429
