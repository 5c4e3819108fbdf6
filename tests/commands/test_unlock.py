"""``idp accounts unlock``: what failed attempts stopped goes on, and the audit says why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp.rules.throttle import CODE_ELSEWHERE
from tests.commands.conftest import Idp
from tests.journeys.guessing import WRONG_PASSWORD, at_code, spend
from tests.journeys.story import failures_of
from tests.provider import Provider, Someone

BUDGET = CODE_ELSEWHERE.budget or 0
WHY = ("--reason", "Called back on the number on file")


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a doctor whose new devices are stopped, and whose password was guessed at."""
    # The command lives by the machine's clock.
    provider.clock.set(datetime.now(UTC))
    doctor = provider.add("abc1", "LEROUX Ariane", mfa=True)
    visit = provider.browser()
    for _ in range(5):
        visit.authorize()
        visit.submit(identifier=doctor.identifier, password=WRONG_PASSWORD)
    provider.clock.advance(seconds=60)
    spend(provider, doctor, BUDGET, known=False)
    spend(provider, doctor, 2, known=True)
    return doctor


def _stopped(provider: Provider, who: Someone) -> bool:
    provider.clock.advance(seconds=60)
    return at_code(provider.browser(), who).page.error == "device_stopped"


@pytest.mark.attack(10)
def test_an_unlocked_account_goes_on_and_the_audit_says_why_and_what(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    assert _stopped(provider, doctor)
    cleared = [
        "code on known devices: 2 in a row, 2 of 12 spent",
        f"code on new devices: {BUDGET} in a row, {BUDGET} of {BUDGET} spent",
    ]
    done = idp("accounts", "unlock", " ABC 1", *WHY)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [f"cleared: {line}" for line in cleared]
    assert not _stopped(provider, doctor)
    (line,) = provider.audited("account.unlocked")
    assert line["detail"] == {"reason": WHY[1], "cleared": cleared}
    with provider.parts.database.read() as connection:
        assert line["account_id"] == provider.account_id(connection, doctor)


def test_a_dry_run_says_what_it_would_clear_and_changes_nothing(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    before = failures_of(provider)
    dry = idp("accounts", "unlock", doctor.identifier, *WHY, "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert dry.stderr.splitlines()[0] == "would clear: code on known devices: 2 in a row, 2 of 12 spent"
    assert (failures_of(provider), provider.audited("account.unlocked")) == (before, [])
    assert _stopped(provider, doctor)


def test_slowed_passwords_are_unlocked_too(idp: Idp, provider: Provider) -> None:
    provider.clock.set(datetime.now(UTC))
    doctor = provider.add("408461", "LEROUX Ariane")
    visit = provider.browser()
    for _ in range(5):
        visit.authorize()
        visit.submit(identifier=doctor.identifier, password=WRONG_PASSWORD)
    visit.authorize()
    assert visit.identify(doctor).status == 429
    assert idp("accounts", "unlock", doctor.identifier, *WHY).stderr == (
        "cleared: password on new devices: 4 in a row\n"
    )
    visit.identify(doctor)
    assert "code" in visit.answer


def test_an_account_against_which_nothing_counts_is_left_as_it_is(idp: Idp, provider: Provider) -> None:
    provider.add("408461", "LEROUX Ariane")
    done = idp("accounts", "unlock", "408461", *WHY)
    assert (done.exit_code, done.stderr) == (0, "no failed attempt counts against this account\n")


@pytest.mark.parametrize("identifier", ["999999", "\u200b", "9" * 300])
def test_nobody_else_is_unlocked(idp: Idp, provider: Provider, doctor: Someone, identifier: str) -> None:
    refused = idp("accounts", "unlock", identifier, *WHY)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1].endswith("IDENTIFIER: no account has it")
    assert _stopped(provider, doctor)


@pytest.mark.parametrize(
    "reason", [(), ("--reason", ""), ("--reason", " "), ("--reason", "x" * 201), ("--reason", "a\x1b[2J")]
)
def test_a_reason_that_can_be_read_is_required(
    idp: Idp, provider: Provider, doctor: Someone, reason: tuple[str, ...]
) -> None:
    refused = idp("accounts", "unlock", doctor.identifier, *reason)
    assert refused.exit_code == 2
    assert "--reason" in refused.stderr.splitlines()[-1]
    assert provider.audited("account.unlocked") == []
