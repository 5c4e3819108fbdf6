"""Failures make the next attempt wait, exactly, whatever runs at the same time and whatever restarts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from sqlalchemy import delete

from idp.storage.schema import ephemeral
from tests.journeys.story import audit_kinds, count_verifications, failures_of
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

DELAYS = (0, 0, 0, 1, 3, 5, 10, 30, 60, 120, 300, 600, *[900] * 6)
"""Seconds to wait after so many failures: *the first three cost no delay, then 1, 3, 5, 10 s …*."""

WRONG = "13572468"


def _guess_password(visit: Visit, who: Someone) -> None:
    visit.authorize()
    visit.submit(identifier=who.identifier, password=WRONG)


def _guess_code(visit: Visit, who: Someone) -> None:
    visit.authorize()
    visit.identify(who)
    visit.submit(code="000000")


GUESSES = [
    pytest.param(_guess_password, "password", id="password"),
    pytest.param(_guess_code, "code", id="code"),
]
Guess = Callable[[Visit, Someone], None]


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a doctor whose phone never shows 000000 here."""
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    assert doctor.code(provider.clock) != "000000"
    return doctor


@pytest.mark.parametrize(("guess", "kind"), GUESSES)
def test_the_delays_are_those_promised_and_an_attempt_too_soon_is_not_judged(
    provider: Provider, doctor: Someone, guess: Guess, kind: str
) -> None:
    visit = provider.browser()
    for failures, delay in enumerate(DELAYS, start=1):
        guess(visit, doctor)
        assert (visit.page.status, failures_of(provider)[kind]) == (422, failures)
        if delay:
            provider.clock.advance(seconds=delay - 0.5)
            guess(visit, doctor)
            assert visit.page.status == 429
            assert visit.response is not None
            assert visit.response.headers["Retry-After"] == "1"
            assert failures_of(provider)[kind] == failures
            provider.clock.advance(seconds=0.5)


@pytest.mark.parametrize("waited", [0, 0.2, 1, 59.5])
def test_retry_after_is_never_too_early(provider: Provider, doctor: Someone, waited: float) -> None:
    visit = provider.browser()
    for delay in DELAYS[:9]:
        _guess_password(visit, doctor)
        provider.clock.advance(seconds=delay if delay < 60 else waited)
    _guess_password(visit, doctor)
    assert visit.page.status == 429
    assert visit.response is not None
    seconds = int(visit.response.headers["Retry-After"])
    assert seconds == math.ceil(60 - waited)
    assert "Trop d'essais à la suite. Attendez" in visit.page.text
    provider.clock.advance(seconds=seconds)
    _guess_password(visit, doctor)
    assert visit.page.status == 422


def test_the_right_password_too_soon_is_not_judged_and_the_page_keeps_the_identifier(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = provider.browser()
    for _ in range(4):
        _guess_password(visit, doctor)
    verified = count_verifications(monkeypatch)
    visit.identify(doctor)
    assert visit.page.status == 429
    assert visit.page.forms[0].fields["identifier"] == doctor.identifier
    assert verified == []
    assert audit_kinds(provider, "attempt.") == ["attempt.throttled"]
    provider.clock.advance(seconds=1)
    visit.identify(doctor)
    assert visit.step == "code"


def test_the_right_code_too_soon_is_not_judged(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    for _ in range(4):
        _guess_code(visit, doctor)
    visit.enter_code(doctor)
    assert visit.page.status == 429
    provider.clock.advance(seconds=1)
    visit.enter_code(doctor)
    assert "code" in visit.answer


@pytest.mark.parametrize(("guess", "kind"), GUESSES)
def test_success_resets_the_counter(provider: Provider, doctor: Someone, guess: Guess, kind: str) -> None:
    visit = provider.browser()
    for _ in range(3):
        guess(visit, doctor)
    visit.authorize()
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert kind not in failures_of(provider)


def test_a_hundred_right_sign_ins_in_a_row_never_wait(provider: Provider, doctor: Someone) -> None:
    for _ in range(100):
        provider.clock.advance(seconds=30)
        provider.browser().sign_in(doctor)
    assert failures_of(provider) == {}


@pytest.mark.attack(5)
@pytest.mark.parametrize("known", [True, False])
def test_of_a_hundred_parallel_passwords_each_one_judged_is_counted(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    identifier = doctor.identifier if known else "999999"
    browsers = [provider.browser() for _ in range(100)]
    for visit in browsers:
        visit.authorize()
    verified = count_verifications(monkeypatch)

    def guess(number: int) -> int:
        return browsers[number].submit(identifier=identifier, password=f"{number:08d}").status

    answers = race(len(browsers), guess)
    assert len(verified) == failures_of(provider)["password"] == answers.count(422) == 4
    assert answers.count(429) == 96


@pytest.mark.attack(5)
def test_of_a_hundred_parallel_codes_each_one_judged_is_counted(
    provider: Provider, doctor: Someone, elsewhere: Callable[[], Visit]
) -> None:
    right = doctor.code(provider.clock)
    browsers = [elsewhere() if number % 2 else provider.browser() for number in range(100)]
    for visit in browsers:
        visit.authorize()
        visit.identify(doctor)

    def guess(number: int) -> int:
        return browsers[number].submit(code=f"{(int(right) + 1 + number) % 1_000_000:06d}").status

    answers = race(len(browsers), guess)
    assert failures_of(provider)["code"] == answers.count(422) == 4
    assert audit_kinds(provider, "code.").count("code.refused") == 4
    assert answers.count(429) == 96


@pytest.mark.attack(6)
@pytest.mark.parametrize(
    "variant",
    ["DR.DURAND", " dr.durand ", "dr. durand", "ＤＲ．ＤＵＲＡＮＤ", "dr.\u200bdurand", "Dr.Durand\n"],
)
def test_every_spelling_of_an_identifier_has_one_counter(provider: Provider, variant: str) -> None:
    doctor = provider.add("Dr.Durand", "DURAND Alice")
    visit = provider.browser()
    for identifier in ("dr.durand", variant, "DR.durand", variant):
        visit.authorize()
        assert visit.submit(identifier=identifier, password=WRONG).status == 422
    visit.authorize()
    assert visit.identify(doctor).status == 429
    provider.clock.advance(seconds=1)
    visit.submit(identifier=variant, password=doctor.password)
    assert "code" in visit.answer


@pytest.mark.attack(6)
def test_code_failures_count_for_the_account_wherever_they_happen(
    provider: Provider, doctor: Someone
) -> None:
    clients: tuple[str, ...] = ("open", "strict", "portal", "public")
    for client_id in clients:
        visit = provider.browser()
        visit.authorize(client_id)
        visit.identify(doctor)
        assert visit.submit(code="000000").status == 422
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(doctor)
    assert visit.submit(code="000000").status == 429


@pytest.mark.attack(8)
@pytest.mark.parametrize(("guess", "kind"), GUESSES)
def test_the_counter_survives_a_restart_and_the_loss_of_every_short_lived_value(
    provider: Provider, doctor: Someone, elsewhere: Callable[[], Visit], guess: Guess, kind: str
) -> None:
    visit = provider.browser()
    for _ in range(4):
        guess(visit, doctor)
    with provider.parts.database.write() as connection:
        connection.execute(delete(ephemeral))
    fresh = elsewhere()
    guess(fresh, doctor)
    assert fresh.page.status == 429
    assert failures_of(provider)[kind] == 4


@pytest.mark.attack(8)
def test_a_judgement_that_breaks_off_stays_counted(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)

    def broken(*_given: object) -> None:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(provider.parts.plugins.possession, "matches", broken)
        for _ in range(4):
            assert visit.submit(code="000000").status == 500
            visit.get(visit.page.url)
    assert failures_of(provider)["code"] == 4
    assert visit.enter_code(doctor).status == 429


def test_waiting_for_one_identifier_makes_nobody_else_wait(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = provider.browser()
    for _ in range(5):
        _guess_password(visit, doctor)
    provider.browser().sign_in(insured)
