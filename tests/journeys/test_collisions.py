"""Two phones that show the same code: nobody enters by it."""

from __future__ import annotations

from collections.abc import Callable

import pyotp
import pytest

from idp.accounts import authenticators
from tests.journeys.story import audit_lines, authenticators_of, cookie, failures_of
from tests.provider import Provider, Someone, Visit


def _colliding(provider: Provider) -> tuple[str, str]:
    """Return two secrets with one code at the clock's step and different ones before and after."""
    now = int(provider.clock.now().timestamp())
    seen: dict[str, str] = {}
    while True:
        secret = provider.parts.plugins.possession.new_secret()
        other = seen.setdefault(pyotp.TOTP(secret).at(now), secret)
        around = {pyotp.TOTP(one).at(now + 30 * step) for one in (secret, other) for step in (-1, 0, 1)}
        if other != secret and len(around) == 5:
            return secret, other


def _doctor_with(provider: Provider, secret: str) -> Someone:
    doctor = provider.add("408461", "DURAND Alice")
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        now = provider.clock.now()
        assert authenticators.activate(connection, provider.parts.keyring, account_id, secret, None, now)
    return Someone(doctor.identifier, doctor.password, doctor.name, secret)


def _two_assistants(provider: Provider, one: str, other: str) -> tuple[Someone, Someone, Someone]:
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    return (
        doctor,
        provider.add_assistant(doctor, "NAUDIN Fernand", secret=one),
        provider.add_assistant(doctor, "VOLFONI Raoul", secret=other),
    )


def _doctor_and_assistant(provider: Provider, one: str, other: str) -> tuple[Someone, Someone, Someone]:
    doctor = _doctor_with(provider, one)
    return doctor, doctor, provider.add_assistant(doctor, "NAUDIN Fernand", secret=other)


PAIRS = [
    pytest.param(_two_assistants, marks=pytest.mark.attack(47), id="two assistants"),
    pytest.param(_doctor_and_assistant, marks=pytest.mark.attack(48), id="doctor and assistant"),
]
Pair = Callable[[Provider, str, str], tuple[Someone, Someone, Someone]]


def _at_code(provider: Provider, doctor: Someone) -> Visit:
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    return visit


@pytest.mark.parametrize("pair", PAIRS)
def test_a_code_of_two_lets_nobody_in_spends_both_counts_nothing_and_is_audited(
    provider: Provider, pair: Pair
) -> None:
    doctor, first, second = pair(provider, *_colliding(provider))
    visit = _at_code(provider, doctor)
    page = visit.enter_code(first)
    assert page.status == 422
    assert "Attendez le code suivant de votre application" in page.text
    assert cookie(visit, "session") is None
    step = int(provider.clock.now().timestamp()) // 30
    spent = [row for row in authenticators_of(provider, doctor) if row["last_step"] == step]
    assert len(spent) == 2
    assert failures_of(provider).get("code", 0) == 0
    assert [line["kind"] for line in audit_lines(provider)].count("code.ambiguous") == 1
    assert "code.refused" not in [line["kind"] for line in audit_lines(provider)]
    del second


@pytest.mark.parametrize("pair", PAIRS)
def test_the_next_code_names_each_of_the_two(provider: Provider, pair: Pair) -> None:
    doctor, first, second = pair(provider, *_colliding(provider))
    visit = _at_code(provider, doctor)
    visit.enter_code(first)
    provider.clock.advance(seconds=30)
    for person, browser in ((second, visit), (first, _at_code(provider, doctor))):
        browser.enter_code(person)
        tokens = provider.redeem(browser.answer["code"]).json
        assert tokens is not None
        act = provider.claims(tokens["id_token"]).get("act")
        assert (act and act["name"]) == (None if person is doctor else person.name)


@pytest.mark.parametrize("pair", PAIRS)
def test_an_ambiguous_code_stays_spent_for_both(provider: Provider, pair: Pair) -> None:
    doctor, first, _second = pair(provider, *_colliding(provider))
    visit = _at_code(provider, doctor)
    for _ in range(5):
        visit.enter_code(first)
        assert visit.page.status == 422
    assert failures_of(provider).get("code", 0) == 0


@pytest.mark.attack(48)
def test_while_one_secret_is_held_twice_its_code_never_means_the_doctor(
    provider: Provider, doctor: Someone
) -> None:
    provider.add_assistant(doctor, "NAUDIN Fernand", secret=doctor.secret)
    visit = _at_code(provider, doctor)
    for _ in range(3):
        visit.enter_code(doctor)
        assert visit.left_for is None
        provider.clock.advance(seconds=30)
    provider.remove_assistant(doctor, "NAUDIN Fernand")
    visit.enter_code(doctor)
    assert "code" in visit.answer
