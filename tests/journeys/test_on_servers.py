"""The story where it runs in production: PostgreSQL and Redis; what is raced holds there as on the embedded stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.journeys.guessing import Counters, code_counters, wrong_code
from tests.journeys.practice import doctors_browser, filled, listed, rows
from tests.journeys.story import activate, authenticators_of, failures_of
from tests.provider import Provider, Someone, Visit
from tests.storage.conftest import ON_POSTGRESQL
from tests.storage.racing import race


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def provider(request: pytest.FixtureRequest, tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give the provider on the embedded stores, and on PostgreSQL with Redis."""
    if request.param == "sqlite":
        whole = Provider(tmp_path, clock)
    else:
        database = request.getfixturevalue("postgres_server").fresh_database()
        whole = Provider(tmp_path, clock, database, request.getfixturevalue("redis_server").url)
    yield whole
    whole.parts.database.dispose()


def _at_code(provider: Provider, who: Someone) -> Visit:
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    return visit


def test_the_story_of_the_slides(provider: Provider) -> None:
    doctor = provider.add("408461", "DURAND Alice")
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(doctor, activate_mfa="1")
    doctor = activate(visit, doctor)
    assert "code" in visit.answer
    visit.get("/profile/assistants/new")
    assistant = Someone(doctor.identifier, doctor.password, "NAUDIN Fernand", visit.page.secret)
    visit.submit(**filled(visit))
    assert [row[0] for row in listed(visit)] == ["NAUDIN Fernand"]
    provider.clock.advance(seconds=30)
    other = provider.browser()
    tokens = provider.redeem(other.sign_in(assistant, "portal"), "portal").get_json()
    assert provider.claims(tokens["id_token"])["act"]["name"] == "NAUDIN Fernand"
    other.get("/profile")
    assert (other.page.status, other.page.error) == (403, "insufficient_scope")
    assert listed(visit)[0][4].endswith("Service portal")
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    visit.submit(1, remove="1")
    assert provider.refresh(tokens["refresh_token"], "portal").status_code == 400
    other.authorize("portal", prompt="none")
    assert other.answer["error"] == "login_required"


@pytest.mark.attack(2)
def test_a_raced_code_lets_one_in(provider: Provider) -> None:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    browsers = [_at_code(provider, doctor) for _ in range(20)]
    race(len(browsers), lambda number: browsers[number].enter_code(doctor))
    assert sum(visit.left_for is not None for visit in browsers) == 1


def test_the_right_code_takes_back_the_wrong_ones_before_it(provider: Provider) -> None:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    visit = _at_code(provider, doctor)
    for _ in range(2):
        visit.submit(code=wrong_code(provider, doctor))
    visit.enter_code(doctor)
    assert "code" in visit.answer
    assert code_counters(provider, doctor, known=False) == Counters(0, 0, 2)


@pytest.mark.attack(5)
def test_raced_guesses_are_each_counted(provider: Provider) -> None:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    right = int(doctor.code(provider.clock))
    browsers = [_at_code(provider, doctor) for _ in range(20)]
    guesses = [f"{(right + 1 + number) % 1_000_000:06d}" for number in range(20)]
    answers = race(len(browsers), lambda number: browsers[number].submit(code=guesses[number]).status)
    assert failures_of(provider)["code"] == answers.count(422) == 4
    assert answers.count(429) == 16


@pytest.mark.attack(13)
def test_raced_activations_give_one_authenticator(provider: Provider) -> None:
    newcomer = provider.add("408462", "MARTIN Paul")
    browsers = []
    for _ in range(6):
        visit = provider.browser()
        visit.authorize("strict")
        visit.identify(newcomer)
        browsers.append(visit)
    race(len(browsers), lambda number: activate(browsers[number], newcomer))
    assert sum(visit.left_for is not None for visit in browsers) == 1
    assert len(authenticators_of(provider, newcomer)) == 1


@pytest.mark.attack(57)
def test_assistants_added_at_the_same_moment_stop_at_the_cap(provider: Provider) -> None:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    for number in range(7):
        provider.add_assistant(doctor, f"Assistant {number}")
    browsers = []
    for _ in range(20):
        provider.clock.advance(seconds=30)
        browsers.append(doctors_browser(provider, doctor))
    for visit in browsers:
        visit.get("/profile/assistants/new")
    sent = [filled(visit) for visit in browsers]
    answers = race(len(browsers), lambda number: browsers[number].submit(**sent[number]).status)
    assert (answers.count(200), answers.count(409)) == (3, 17)
    assert len(rows(provider)) == 10
