"""The second page: one code, accepted once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from idp.rules.person import Match
from tests.journeys.story import activate, audit_lines, authenticators_of, cookie, failures_of, twin
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race


def _at_code(provider: Provider, who: Someone, visit: Visit | None = None) -> Visit:
    visit = visit or provider.browser()
    visit.authorize()
    visit.identify(who)
    assert visit.step == "code"
    return visit


def _refused(visit: Visit) -> bool:
    return visit.page.status == 422 and "Code incorrect ou expiré" in visit.page.text


def test_the_own_code_lets_the_doctor_in_as_themselves(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    visit.enter_code(doctor)
    tokens = provider.redeem(visit.answer["code"]).json
    assert tokens is not None
    claims = provider.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp", "mfa"])
    assert "act" not in claims
    assert "delegation" not in claims


def test_the_assistants_code_names_the_assistant(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = _at_code(provider, doctor)
    visit.enter_code(assistant)
    tokens = provider.redeem(visit.answer["code"]).json
    assert tokens is not None
    claims = provider.claims(tokens["id_token"])
    assert claims["act"]["name"] == assistant.name
    assert claims["delegation"]["valid_from"] == "2025-12-03"
    assert claims["delegation"]["valid_until"] is None


@pytest.mark.attack(1)
def test_a_spent_code_is_refused_in_another_session(provider: Provider, doctor: Someone) -> None:
    mine, thiefs = _at_code(provider, doctor), _at_code(provider, doctor)
    mine.enter_code(doctor)
    assert mine.answer["code"]
    thiefs.enter_code(doctor)
    assert _refused(thiefs)
    assert cookie(thiefs, "session") is None


@pytest.mark.attack(2)
def test_a_code_raced_fifty_times_at_two_processes_lets_one_in(
    provider: Provider, doctor: Someone, elsewhere: Callable[[], Visit]
) -> None:
    browsers = [_at_code(provider, doctor, elsewhere() if n % 2 else None) for n in range(50)]

    def enter(number: int) -> bool:
        browsers[number].enter_code(doctor)
        return browsers[number].left_for is not None

    assert race(len(browsers), enter).count(True) == 1
    assert all(visit.left_for or visit.page.status in (422, 429) for visit in browsers)


@pytest.mark.attack(2)
def test_one_page_sent_many_times_at_once_gives_one_session(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    windows = [twin(visit) for _ in range(10)]
    race(len(windows), lambda number: windows[number].enter_code(doctor))
    assert sum(window.left_for is not None for window in windows) == 1
    assert [line["kind"] for line in audit_lines(provider)].count("session.signed_in") == 1


@pytest.mark.attack(3)
def test_an_older_step_after_a_newer_one_is_refused(provider: Provider, doctor: Someone) -> None:
    _at_code(provider, doctor).enter_code(doctor)
    later = _at_code(provider, doctor)
    later.enter_code(doctor, steps=-1)
    assert _refused(later)


def test_the_step_before_is_accepted_and_then_the_current_one(provider: Provider, doctor: Someone) -> None:
    for steps in (-1, 0):
        visit = _at_code(provider, doctor)
        visit.enter_code(doctor, steps=steps)
        assert "code" in visit.answer


@pytest.mark.parametrize("steps", [-3, -2, 1, 2])
def test_other_steps_are_refused(provider: Provider, doctor: Someone, steps: int) -> None:
    visit = _at_code(provider, doctor)
    visit.enter_code(doctor, steps=steps)
    assert _refused(visit)


@pytest.mark.parametrize("shape", ["{0}{1}", "{0} {1}", " {0}-{1} ", "{0}\u202f{1}", "{0}\u00a0{1}"])
def test_spaces_and_hyphens_are_dropped(provider: Provider, doctor: Someone, shape: str) -> None:
    visit = _at_code(provider, doctor)
    code = doctor.code(provider.clock)
    visit.submit(code=shape.format(code[:3], code[3:]))
    assert "code" in visit.answer


@pytest.mark.attack(7)
@pytest.mark.parametrize(
    "typed",
    ["", "１２３４５６", "٠١٢٣٤٥", "12345a", "12345", "1234567", "1" * 60_000, "12\x003456", "+12345", "1e5"],
)
def test_what_cannot_be_a_code_is_refused_before_any_comparison_and_not_counted(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    visit = _at_code(provider, doctor)
    compared: list[str] = []

    def matches(_candidates: object, code: str, _now: object) -> frozenset[Match]:
        compared.append(code)
        return frozenset()

    monkeypatch.setattr(provider.parts.plugins.possession, "matches", matches)
    page = visit.submit(code=typed)
    assert page.status == 422
    assert "Saisissez les six chiffres" in page.text
    assert (compared, failures_of(provider)) == ([], {})


@pytest.mark.attack(7)
def test_full_width_digits_of_the_right_code_are_refused(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    visit.submit(code=doctor.code(provider.clock).translate({48 + n: 0xFF10 + n for n in range(10)}))
    assert visit.page.status == 422
    visit.enter_code(doctor)
    assert "code" in visit.answer


@pytest.mark.attack(7)
def test_a_megabyte_is_refused_unread(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    page = visit.submit(code="1" * 1_000_000)
    assert page.status == 413
    assert page.error == "request_entity_too_large"
    assert failures_of(provider) == {}


@pytest.mark.attack(11)
def test_who_stops_after_the_password_has_nothing(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    code_page = visit.page.url
    assert cookie(visit, "session") is None
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"
    for path in ("/profile", "/profile/assistants/new"):
        visit.get(path)
        assert visit.step == "identification"
    assert "Mon profil" not in visit.get("/").text
    for path in (code_page.replace("/code", "/activation"), code_page.replace("/code", "/identification")):
        visit.get(path)
        assert visit.step == "code"
    assert "session.signed_in" not in [line["kind"] for line in audit_lines(provider)]


def test_cancelling_tells_the_service(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"
    assert not cookie(visit, "proof")


def test_a_wrong_code_is_audited_once_and_the_account_named(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    visit.submit(code="000000")
    lines = [line for line in audit_lines(provider) if line["kind"] == "code.refused"]
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    assert [(line["account_id"], line["detail"]) for line in lines] == [
        (account_id, {"service": "Service open"})
    ]


def test_a_password_session_is_stepped_up_in_place_with_the_code_alone(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    visit.authorize("strict")
    activate(visit, newcomer)
    assert "code" in visit.answer
    assert len(authenticators_of(provider, newcomer)) == 1


def test_a_code_for_an_account_disabled_meanwhile_starts_over(provider: Provider, doctor: Someone) -> None:
    visit = _at_code(provider, doctor)
    provider.disable(doctor)
    visit.enter_code(doctor)
    assert visit.step == "identification"
    assert cookie(visit, "session") is None
