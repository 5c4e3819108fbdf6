"""Who may go where: profiles, floors and assistants, at sign-in and by single sign-on."""

from __future__ import annotations

import pytest

from tests.journeys.story import audit_lines, cookie, switch_user
from tests.provider import Provider, Someone

PROFILES = ("health_professional", "insured", "employer")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("client_id", ["portal", "open", "retirement"])
def test_each_service_admits_the_profiles_of_its_file(
    provider: Provider, profile: str, client_id: str
) -> None:
    who = provider.add("5001", "BELLON Ange", profile)
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(who)
    client = provider.parts.clients.get(client_id)
    assert client is not None
    if profile in client.profiles:
        assert "code" in visit.answer
        return
    assert (visit.step, visit.page.status, visit.page.error) == ("refused", 403, "access_denied")
    assert "Ce service n'est pas ouvert à votre profil" in visit.page.text
    assert cookie(visit, "session") is None
    refused = [line for line in audit_lines(provider) if line["kind"] == "service.refused"]
    assert [line["detail"] for line in refused] == [{"service": "Service portal", "why": "profile_refused"}]
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"


def test_a_refused_profile_is_refused_by_single_sign_on_and_stays_signed_in(
    provider: Provider, insured: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(insured, "open")
    visit.authorize("portal")
    assert visit.step == "refused"
    visit.authorize("portal", prompt="none")
    assert visit.answer["error"] == "access_denied"
    visit.authorize("open", prompt="none")
    assert "code" in visit.answer


def test_a_refused_person_can_change_the_user_and_go_on(
    provider: Provider, insured: Someone, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(insured, "open")
    visit.authorize("portal")
    switch_user(visit)
    visit.identify(newcomer)
    assert visit.left_for is not None
    assert visit.left_for.startswith("https://portal.test/")


@pytest.mark.attack(63)
def test_an_assistant_is_refused_at_sign_in_unless_the_file_allows(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("retirement")
    visit.identify(doctor)
    page = visit.enter_code(assistant)
    assert (visit.step, page.status, page.error) == ("refused", 403, "access_denied")
    assert f"Vous êtes identifié comme assistant(e) : {assistant.name}" in page.text
    assert cookie(visit, "session") is None
    visit.get(page.url)
    visit.submit()
    assert visit.answer["error"] == "access_denied"
    refused = [line for line in audit_lines(provider) if line["kind"] == "service.refused"]
    assert len(refused) == 1
    assert refused[0]["actor_id"] is not None
    assert refused[0]["detail"] == {"service": "Service retirement", "why": "assistant_refused"}


@pytest.mark.attack(63)
def test_an_assistant_is_refused_by_single_sign_on_unless_the_file_allows(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(doctor)
    visit.enter_code(assistant)
    assert "code" in visit.answer
    visit.authorize("retirement", prompt="none")
    assert visit.answer["error"] == "access_denied"
    page = visit.authorize("retirement")
    assert (visit.step, page.status) == ("refused", 403)
    for client_id in ("portal", "open", "strict", "public"):
        visit.authorize(client_id, prompt="none")
        assert "code" in visit.answer


@pytest.mark.attack(63)
def test_a_refused_assistant_makes_room_for_the_doctor(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("retirement")
    visit.identify(doctor)
    visit.enter_code(assistant)
    switch_user(visit)
    visit.identify(doctor)
    visit.enter_code(doctor)
    tokens = provider.redeem(visit.answer["code"], "retirement").json
    assert tokens is not None
    assert "act" not in provider.claims(tokens["id_token"])


@pytest.mark.attack(63)
def test_an_assistant_refused_at_one_service_is_signed_in_nowhere(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("retirement")
    visit.identify(doctor)
    visit.enter_code(assistant)
    visit.authorize("open", prompt="none")
    assert visit.answer["error"] == "login_required"


def test_a_floor_of_two_factors_steps_a_password_session_up(provider: Provider, insured: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(insured, "open")
    visit.authorize("strict", prompt="none")
    assert visit.answer["error"] == "login_required"
    visit.authorize("strict")
    assert visit.step == "activation"


def test_a_refused_profile_is_never_asked_for_a_second_factor(provider: Provider) -> None:
    insured = provider.add("5002", "BELLON Ange", "insured", mfa=True)
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(insured)
    assert visit.step == "refused"
