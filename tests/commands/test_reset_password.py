"""``idp accounts reset-password``: the old password is over at once, a link opens the way, the phone stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.commands.conftest import Idp
from tests.commands.test_accounts import mistake
from tests.journeys.told import BY_MAIL, told
from tests.provider import ISSUER, Provider, Someone

MAIL = "alice.durand@example.org"
NEW = "pluie tabac violon"
RESET = ("accounts", "reset-password", "408461", "--reason", "called, known by voice")


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    made = Provider(tmp_path, clock, **BY_MAIL)
    # The command lives by the machine's clock.
    clock.set(datetime.now(UTC) - timedelta(seconds=60))
    yield made
    made.parts.database.dispose()


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})


def _now(provider: Provider) -> None:
    provider.clock.set(datetime.now(UTC) + timedelta(seconds=1))


def _step(provider: Provider, who: Someone) -> str:
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    return visit.step


def _chosen(provider: Provider, link: str) -> bool:
    visit = provider.browser()
    visit.get(link.removeprefix(ISSUER))
    visit.submit(new_password=NEW)
    return "Votre mot de passe est changé" in visit.page.text


def test_the_link_is_printed_alone_and_the_old_password_is_over(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    tokens = provider.redeem(provider.browser().sign_in(doctor)).get_json()
    before = len(told(provider))
    done = idp(*RESET)
    assert done.exit_code == 0, done.output
    (link,) = done.stdout.splitlines()
    assert link.startswith(f"{ISSUER}/forgotten/reset/")
    assert done.stderr == "reset: DURAND Alice; open sessions: 1; the link is good for 60 minutes\n"
    _now(provider)
    assert _step(provider, doctor) == "identification"
    assert provider.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert _chosen(provider, link)
    _now(provider)
    provider.clock.advance(seconds=30)
    assert provider.browser().sign_in(replace(doctor, password=NEW))
    assert [kind for kind, _to, _values in told(provider)[before:]][:2] == [
        "password_changed",
        "password_changed",
    ]
    lines = provider.audited("password.reset")
    assert [line["detail"] for line in lines] == [
        {"by": "support", "reason": "called, known by voice", "sent": False},
        {"by": "link"},
    ]
    assert link.rpartition("/")[2] not in str(lines)


def test_the_link_is_sent_and_not_printed(idp: Idp, provider: Provider, doctor: Someone) -> None:
    done = idp(*RESET, "--send")
    assert (done.exit_code, done.stdout) == (0, "")
    (sent,) = told(provider)
    assert sent[:2] == ("password_link", MAIL)
    assert sent[2]["minutes"] == "60"
    _now(provider)
    assert _chosen(provider, sent[2]["link"])


def test_it_is_one_object_of_json(idp: Idp, provider: Provider, doctor: Someone) -> None:
    told_of = json.loads(idp(*RESET, "--json").stdout)
    assert set(told_of) == {"identifier", "name", "link"}
    assert (told_of["identifier"], told_of["name"]) == (doctor.identifier, doctor.name)
    assert json.loads(idp(*RESET, "--json", "--send").stdout)["link"] is None


def test_a_dry_run_changes_nothing(idp: Idp, provider: Provider, doctor: Someone) -> None:
    dry = idp(*RESET, "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert dry.stderr.startswith("would be reset: DURAND Alice; open sessions: 0")
    assert _step(provider, doctor) == "code"
    assert told(provider) == []


def test_where_nobody_can_be_reached_nothing_is_changed(idp: Idp, provider: Provider) -> None:
    silent = provider.add("2001234", "ROSSI Carla", "insured")
    visit = provider.browser()
    visit.sign_in(silent)
    line = mistake(idp, "accounts", "reset-password", "2001234", "--reason", "called", "--send")
    assert "no contact is on file or no notifier is configured, and nothing was changed" in line
    _now(provider)
    visit.authorize(prompt="none")
    assert "code" in visit.answer
    assert not provider.audited("password.reset")
    assert not provider.audited("recovery.link_sent")


def test_of_an_unknown_or_disabled_account_and_without_a_reason_nothing_is_reset(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    assert mistake(idp, "accounts", "reset-password", "1", "--reason", "x").endswith("no account has it")
    for reason in ("", " ", "x" * 201, "x\x1b"):
        assert "1 to 200 visible characters" in mistake(idp, *RESET[:3], "--reason", reason)
    assert "Missing option '--reason'" in mistake(idp, *RESET[:3])
    provider.disable(doctor)
    assert mistake(idp, *RESET).endswith("the account is disabled")
    assert not provider.audited("password.reset")
