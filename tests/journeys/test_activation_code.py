"""First activation under the production's default: not without the code from the letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idp.accounts import activation_codes
from tests.clock import MovableClock
from tests.journeys.story import (
    audit_kinds,
    audit_lines,
    authenticators_of,
    code_of,
    cookie,
    failures_of,
    html,
)
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

MAIL = "paul.martin@example.org"
WRONG = "Code d'activation incorrect ou expiré"


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that wants the code, and tells people by mail."""
    whole = Provider(tmp_path, clock, enrolment_proof="activation_code", **BY_MAIL)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def newcomer(provider: Provider) -> Someone:
    """Give a practitioner with a mail address who has not activated."""
    return provider.add("408462", "MARTIN Paul", attributes={"email": MAIL})


def _letter(provider: Provider, who: Someone) -> str:
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, who)
        now = provider.clock.now()
        return activation_codes.make(connection, provider.parts.keyring, account_id, now).code


def _at_activation(provider: Provider, who: Someone) -> Visit:
    visit = provider.browser()
    visit.authorize()
    visit.identify(who, activate_mfa="1")
    assert visit.step == "activation"
    return visit


def _phone(visit: Visit) -> str:
    assert visit.page.secret is not None
    return code_of(visit.page.secret, visit.provider.clock)


@pytest.mark.attack(74)
def test_the_password_and_a_phone_alone_activate_nothing(provider: Provider, newcomer: Someone) -> None:
    _letter(provider, newcomer)
    thief = _at_activation(provider, newcomer)
    secret = thief.page.secret
    for typed in (
        {},
        {"activation_code": ""},
        {"activation_code": "0000-0000-0000"},
        {"activation_code": "x" * 5000},
    ):
        page = thief.submit(code=_phone(thief), **typed)
        assert (page.status, page.secret) == (422, secret)
        assert WRONG in page.text
    assert cookie(thief, "session") is None
    assert authenticators_of(provider, newcomer) == []
    assert audit_kinds(provider, "mfa.") == []
    # Only what has the form of a code is a guess.
    assert audit_kinds(provider, "activation_code.") == ["activation_code.refused"]


@pytest.mark.attack(74)
def test_with_the_letter_the_account_is_activated_and_its_contacts_are_told(
    provider: Provider, newcomer: Someone
) -> None:
    letter = _letter(provider, newcomer)
    visit = _at_activation(provider, newcomer)
    visit.submit(activation_code=letter.lower().replace("-", " "), code=_phone(visit))
    assert visit.step == "recovery-codes"
    visit.submit()
    assert "code" in visit.answer
    assert [line["detail"] for line in audit_lines(provider) if line["kind"] == "mfa.activated"] == [
        {"proved_by": "activation"}
    ]
    assert ("phone_added", MAIL, {"who": newcomer.name}) in told(provider)
    assert letter not in str(audit_lines(provider))


@pytest.mark.attack(74)
def test_a_letter_is_good_for_one_account_and_once(provider: Provider, newcomer: Someone) -> None:
    other = provider.add("408463", "PETIT Anne")
    letter = _letter(provider, newcomer)
    thief = _at_activation(provider, other)
    assert WRONG in thief.submit(activation_code=letter, code=_phone(thief)).text
    visit = _at_activation(provider, newcomer)
    visit.submit(activation_code=letter, code=_phone(visit))
    assert visit.step == "recovery-codes"
    again = _at_activation(provider, other)
    assert WRONG in again.submit(activation_code=letter, code=_phone(again)).text
    assert authenticators_of(provider, other) == []


def test_a_mistyped_phone_code_asks_for_the_letter_no_second_time_and_takes_it_not(
    provider: Provider, newcomer: Someone
) -> None:
    letter = _letter(provider, newcomer)
    visit = _at_activation(provider, newcomer)
    secret = visit.page.secret
    visit.submit(activation_code=letter, code="000000")
    assert (visit.page.status, visit.page.secret) == (422, secret)
    assert "Votre code d'activation est reconnu." in visit.page.text
    assert 'name="activation_code"' not in html(visit)
    assert letter not in html(visit)
    assert authenticators_of(provider, newcomer) == []
    # Another browser has to show it too: what was typed here counts here only.
    elsewhere = _at_activation(provider, newcomer)
    assert WRONG in elsewhere.submit(code=_phone(elsewhere)).text
    visit.submit(code=_phone(visit))
    assert visit.step == "recovery-codes"


def test_a_right_phone_code_beside_a_wrong_letter_loses_nothing(
    provider: Provider, newcomer: Someone
) -> None:
    letter = _letter(provider, newcomer)
    visit = _at_activation(provider, newcomer)
    secret = visit.page.secret
    page = visit.submit(activation_code="ABCD-EFGH-JKMN", code=_phone(visit))
    assert (page.status, page.secret) == (422, secret)
    assert "ABCD" not in html(visit)
    visit.submit(activation_code=letter, code=_phone(visit))
    assert visit.step == "recovery-codes"


def test_switching_the_user_forgets_the_letter_that_was_shown(provider: Provider, newcomer: Someone) -> None:
    visit = _at_activation(provider, newcomer)
    visit.submit(activation_code=_letter(provider, newcomer), code="000000")
    secret = visit.page.secret
    visit.submit(1)
    assert visit.step == "identification"
    visit.identify(newcomer, activate_mfa="1")
    assert visit.page.secret not in (None, secret)
    assert WRONG in visit.submit(code=_phone(visit)).text


@pytest.mark.parametrize("how", ["expired", "replaced"])
def test_a_letter_that_stops_being_good_after_it_was_shown_activates_nothing(
    provider: Provider, newcomer: Someone, how: str
) -> None:
    letter = _letter(provider, newcomer)
    midnight = datetime(2026, 2, 14, 23, 0, tzinfo=UTC)  # in Monaco, thirty days on
    provider.clock.set(midnight - timedelta(minutes=5))
    visit = _at_activation(provider, newcomer)
    visit.submit(activation_code=letter, code="000000")
    assert "est reconnu" in visit.page.text
    if how == "expired":
        provider.clock.set(midnight)
    else:
        _letter(provider, newcomer)
    page = visit.submit(code=_phone(visit))
    assert page.status == 422
    assert WRONG in page.text
    assert 'name="activation_code"' in html(visit)
    assert authenticators_of(provider, newcomer) == []


def test_guesses_are_slowed_down_apart_from_those_at_passwords_and_codes(
    provider: Provider, newcomer: Someone
) -> None:
    letter = _letter(provider, newcomer)
    visit = _at_activation(provider, newcomer)
    for _ in range(4):
        assert visit.submit(activation_code="0000-0000-0000", code=_phone(visit)).status == 422
    page = visit.submit(activation_code=letter, code=_phone(visit))
    assert (page.status, page.error) == (429, "slow_down")
    assert visit.response is not None
    assert visit.response.headers["Retry-After"] == "1"
    assert failures_of(provider) == {"activation": 4}
    assert provider.audited("attempt.throttled")[-1]["detail"] == {"guess": "activation"}
    provider.clock.advance(seconds=1)
    visit.submit(activation_code=letter, code=_phone(visit))
    assert visit.step == "recovery-codes"
    assert not any(failures_of(provider).values())


@pytest.mark.attack(10)
def test_whoever_knows_the_password_and_hammers_makes_the_letter_wait_a_minute_at_most(
    provider: Provider, newcomer: Someone
) -> None:
    letter, hammered = _letter(provider, newcomer), 0
    while hammered < 25:
        thief = _at_activation(provider, newcomer)
        page = thief.submit(activation_code="0000-0000-0000", code="000000")
        if page.status == 429:
            assert thief.response is not None
            provider.clock.advance(seconds=int(thief.response.headers["Retry-After"]))
        hammered += page.status == 422
    visit = _at_activation(provider, newcomer)
    page = visit.submit(activation_code=letter, code=_phone(visit))
    assert visit.response is not None
    assert (page.status, visit.response.headers["Retry-After"]) == (429, "60")
    provider.clock.advance(seconds=60)
    visit.submit(activation_code=letter, code=_phone(visit))
    assert visit.step == "recovery-codes"


@pytest.mark.attack(74)
def test_one_letter_raced_in_many_browsers_activates_one_phone(provider: Provider, newcomer: Someone) -> None:
    letter = _letter(provider, newcomer)
    browsers = [_at_activation(provider, newcomer) for _ in range(6)]

    def confirm(number: int) -> str:
        visit = browsers[number]
        visit.submit(activation_code=letter, code=_phone(visit))
        return visit.step

    steps = race(len(browsers), confirm)
    assert steps.count("recovery-codes") == 1
    assert len(authenticators_of(provider, newcomer)) == 1
    assert audit_kinds(provider, "mfa.") == ["mfa.activated"]


@pytest.mark.attack(74)
def test_a_session_of_the_password_alone_activates_not_without_the_letter(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    visit.authorize("strict")
    assert visit.step == "activation"
    assert WRONG in visit.submit(code=_phone(visit)).text
    visit.submit(activation_code=_letter(provider, newcomer), code=_phone(visit))
    assert visit.step == "recovery-codes"
    visit.submit()
    assert "code" in visit.answer


@pytest.mark.attack(74)
def test_without_the_setting_an_activation_is_told_and_audited_and_leaves_no_letter_good(
    tmp_path: Path, clock: MovableClock
) -> None:
    (tmp_path / "none").mkdir()
    provider = Provider(tmp_path / "none", clock, enrolment_proof="none", **BY_MAIL)
    newcomer = provider.add("408462", "MARTIN Paul", attributes={"email": MAIL})
    letter = _letter(provider, newcomer)
    visit = _at_activation(provider, newcomer)
    assert 'name="activation_code"' not in html(visit)
    visit.submit(code=_phone(visit))
    visit.submit()
    assert [line["detail"] for line in provider.audited("mfa.activated")] == [{"proved_by": "password alone"}]
    assert ("phone_added", MAIL, {"who": newcomer.name}) in told(provider)
    thief = provider.browser()
    thief.authorize()
    thief.identify(newcomer)
    thief.get(thief.page.url.replace("/code", "/lost-phone"))
    thief.submit(recovery_code=letter, choice="replace")
    assert (thief.page.status, thief.page.secret) == (422, None)
    provider.parts.database.dispose()
