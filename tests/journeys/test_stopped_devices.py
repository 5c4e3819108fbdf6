"""Wrong codes: a stranger is stopped for good, and the doctor's own computer goes on."""

from __future__ import annotations

import pytest

from idp.app import create_app
from idp.clearing import clear_away
from idp.rules.throttle import CODE_ELSEWHERE, CODE_ON_KNOWN_DEVICE
from tests.journeys.guessing import Counters, at_code, code_counters, hammer, spend, wrong_code
from tests.journeys.practice import doctors_browser
from tests.journeys.story import audit_kinds, cookie, plant, switch_user, twin
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

NEW = CODE_ELSEWHERE.budget or 0
KNOWN = CODE_ON_KNOWN_DEVICE.budget or 0


@pytest.fixture
def practice_computer(provider: Provider, doctor: Someone) -> Visit:
    """Give the computer that the account knows through its doctor; nobody is signed in."""
    visit = doctors_browser(provider, doctor)
    visit.get("/")
    switch_user(visit)
    provider.clock.advance(seconds=60)
    return visit


def _same_device(visit: Visit) -> Visit:
    """Return a browser that keeps the same device cookie and nothing else."""
    other = visit.provider.browser()
    plant(other, "device", cookie(visit, "device") or "")
    return other


def _stopped(visit: Visit) -> bool:
    return (visit.page.status, visit.page.error) == (403, "device_stopped")


def _enters(visit: Visit, who: Someone) -> bool:
    """Sign in with the right password and a fresh code."""
    visit.provider.clock.advance(seconds=60)
    at_code(visit, who)
    if visit.page.status == 200:
        visit.enter_code(who)
    return visit.left_for is not None and "code" in visit.answer


@pytest.mark.attack(4)
@pytest.mark.attack(10)
def test_who_knows_the_password_is_slowed_then_stopped_and_the_doctors_computer_goes_on(
    provider: Provider, doctor: Someone, assistant: Someone, practice_computer: Visit
) -> None:
    stranger = provider.browser()
    assert hammer(stranger, doctor, assistant) == NEW == audit_kinds(provider).count("code.refused")
    assert audit_kinds(provider, "device.stopped") == ["device.stopped"]
    assert provider.audited("device.stopped")[0]["detail"] == {"devices": "new"}
    assert _enters(practice_computer, doctor)
    assert _enters(_same_device(practice_computer), assistant)
    for days in (1, 30, 300):
        provider.clock.advance(seconds=days * 86_400)
        assert not _enters(stranger, doctor)
        assert _stopped(stranger)
        assert not _enters(provider.browser(), assistant)
    assert code_counters(provider, doctor, known=False).spent == NEW


def test_a_stopped_device_hears_it_at_once_with_the_way_out(provider: Provider, doctor: Someone) -> None:
    spend(provider, doctor, NEW, known=False)
    visit = at_code(provider.browser(), doctor)
    assert _stopped(visit)
    assert "aucun code n'est plus accepté depuis un nouvel appareil" in visit.page.text
    assert "Utilisez un appareil avec lequel vous vous êtes déjà identifié" in visit.page.text
    assert audit_kinds(provider, "attempt.") == []
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"
    at_code(visit, doctor)
    switch_user(visit)
    assert visit.step == "identification"


def test_a_code_sent_from_a_stopped_device_is_not_judged(provider: Provider, doctor: Someone) -> None:
    spend(provider, doctor, NEW - 1, known=False)
    provider.clock.advance(seconds=900)
    visit = at_code(provider.browser(), doctor)
    spend(provider, doctor, 1, known=False)
    visit.enter_code(doctor)
    assert _stopped(visit)
    assert audit_kinds(provider, "attempt.", "code.") == ["attempt.throttled"]
    assert cookie(visit, "session") is None


@pytest.mark.attack(9)
@pytest.mark.attack(10)
def test_being_stopped_is_shown_to_nobody_without_the_password(provider: Provider, doctor: Someone) -> None:
    spend(provider, doctor, NEW, known=False)
    visit = provider.browser()
    visit.authorize()
    assert visit.submit(identifier=doctor.identifier, password="13572468").status == 422
    assert visit.step == "identification"


@pytest.mark.attack(10)
def test_a_former_assistant_who_hammers_from_home_stops_home_and_nothing_else(
    provider: Provider, doctor: Someone, assistant: Someone, practice_computer: Visit
) -> None:
    home = provider.browser()
    assert _enters(home, assistant)
    assert _enters(_same_device(practice_computer), assistant)
    provider.remove_assistant(doctor, assistant.name)
    assert hammer(home, doctor, assistant) == NEW
    assert code_counters(provider, doctor, known=True).spent == 0
    assert not _enters(home, assistant)
    assert _enters(practice_computer, doctor)


@pytest.mark.attack(10)
def test_an_assistant_whose_time_is_over_has_no_known_device(provider: Provider, doctor: Someone) -> None:
    ending = provider.add_assistant(doctor, "VOLFONI Raoul", last=provider.clock.now().date())
    home = provider.browser()
    assert _enters(home, ending)
    provider.clock.advance(seconds=86_400)
    at_code(home, doctor).submit(code=wrong_code(provider, doctor))
    assert (code_counters(provider, doctor, known=False).spent, home.page.status) == (1, 422)


@pytest.mark.attack(4)
def test_a_known_device_that_has_spent_its_budget_counts_as_a_new_one_and_then_stops(
    provider: Provider, doctor: Someone, practice_computer: Visit
) -> None:
    assert hammer(_same_device(practice_computer), doctor) == KNOWN + NEW
    assert [line["detail"] for line in provider.audited("device.stopped")] == [
        {"devices": "known"}, {"devices": "new"},
    ]  # fmt: skip
    at_code(practice_computer, doctor)
    assert _stopped(practice_computer)
    assert "Appelez l'assistance" in practice_computer.page.text


def test_the_right_code_takes_back_what_was_typed_wrong_in_the_same_sign_in(
    provider: Provider, doctor: Someone
) -> None:
    visit = at_code(provider.browser(), doctor)
    for _ in range(2):
        visit.submit(code=wrong_code(provider, doctor))
    assert code_counters(provider, doctor, known=False) == Counters(2, 2, 0)
    visit.enter_code(doctor)
    assert "code" in visit.answer
    assert code_counters(provider, doctor, known=False) == Counters(0, 0, 2)


def test_an_assistants_right_code_takes_back_its_own_sign_in_only(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    elsewhere = at_code(provider.browser(), doctor)
    elsewhere.submit(code=wrong_code(provider, doctor, assistant))
    visit = at_code(provider.browser(), doctor)
    visit.submit(code=wrong_code(provider, doctor, assistant))
    visit.enter_code(assistant)
    assert "code" in visit.answer
    assert code_counters(provider, doctor, known=False) == Counters(1, 1, 1)


@pytest.mark.attack(58)
def test_three_wrong_codes_of_one_sign_in_are_taken_back_at_most(provider: Provider, doctor: Someone) -> None:
    visit = at_code(provider.browser(), doctor)
    for wait in (0, 0, 0, 1, 3):
        visit.submit(code=wrong_code(provider, doctor))
        assert visit.page.status == 422
        provider.clock.advance(seconds=wait)
    visit.enter_code(doctor)
    assert "code" in visit.answer
    assert code_counters(provider, doctor, known=False) == Counters(0, 2, 3)


@pytest.mark.attack(58)
def test_ones_own_phone_takes_back_nothing_at_anothers_account(provider: Provider, doctor: Someone) -> None:
    """The stranger has an account of their own, and changes user within one sign-in."""
    stranger = provider.add("2001234", "ROSSI Carla", mfa=True)
    visit = at_code(provider.browser(), doctor)
    for _ in range(3):
        visit.submit(code=wrong_code(provider, doctor))
    switch_user(visit)
    visit.identify(stranger)
    visit.enter_code(stranger)
    assert "code" in visit.answer
    assert code_counters(provider, doctor, known=False) == Counters(3, 3, 0)


@pytest.mark.attack(5)
def test_right_codes_at_once_take_back_once(provider: Provider, doctor: Someone, assistant: Someone) -> None:
    spend(provider, doctor, 2, known=False)
    visit = at_code(provider.browser(), doctor)
    visit.submit(code=wrong_code(provider, doctor, assistant))
    windows = [twin(visit) for _ in range(6)]
    codes = [who.code(provider.clock, steps=step) for who in (doctor, assistant) for step in (-1, 0)] * 2
    race(len(windows), lambda number: windows[number].submit(code=codes[number]))
    after = code_counters(provider, doctor, known=False)
    refused = audit_kinds(provider).count("code.refused")
    assert after.forgiven <= refused
    assert after.spent + after.forgiven == 2 + refused


@pytest.mark.attack(10)
def test_success_on_a_known_device_gives_strangers_nothing_back(
    provider: Provider, doctor: Someone, practice_computer: Visit
) -> None:
    stranger = provider.browser()
    for _ in range(5):
        at_code(stranger, doctor).submit(code=wrong_code(provider, doctor))
        provider.clock.advance(seconds=1)
    before = code_counters(provider, doctor, known=False)
    assert _enters(practice_computer, doctor)
    assert code_counters(provider, doctor, known=False) == before == Counters(5, 5, 0)


@pytest.mark.attack(8)
def test_a_spent_budget_outlives_a_restart_and_the_workers_clearing(
    provider: Provider, doctor: Someone
) -> None:
    spend(provider, doctor, NEW, known=False)
    for _ in range(12):
        provider.clock.advance(seconds=30 * 86_400)
        clear_away(provider.parts)
    provider.app = create_app(provider.settings, provider.parts)
    assert _stopped(at_code(provider.browser(), doctor))
