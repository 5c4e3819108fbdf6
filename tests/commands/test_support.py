"""``idp accounts reset-mfa``: the five-minute call after a lost phone, whoever took it or activated first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from idp.rules.assurance import FUND_ZONE
from idp.storage.schema import account, delegation
from tests.commands.conftest import Idp
from tests.journeys.story import activate, authenticators_of, code_of, codes_shown
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit

WHY = ("--reason", "called from the practice's number, knew the last three acts")


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": "alice@example.org"})


def _at_code(provider: Provider, who: Someone) -> Visit:
    # What was proved before the command, which lives by the machine's clock, does not count.
    provider.clock.set(max(provider.clock.now(), datetime.now(UTC) + timedelta(seconds=2)))
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    assert visit.step == "code"
    return visit


def _new_phone(visit: Visit, given: str) -> str:
    visit.get(visit.page.url.replace("/code", "/lost-phone"))
    visit.submit(recovery_code=given)
    secret = visit.page.secret
    assert secret is not None
    visit.submit(code=code_of(secret, visit.provider.clock))
    assert visit.step == "recovery-codes"
    assert len(codes_shown(visit)) == 10
    visit.submit()
    assert "code" in visit.answer
    return secret


@pytest.mark.attack(61)
def test_the_doctor_is_back_within_one_call_and_the_lost_phone_opens_nothing(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    thief = provider.browser()
    stolen = provider.redeem(thief.sign_in(doctor)).get_json()["refresh_token"]
    reset = idp("accounts", "reset-mfa", doctor.identifier, *WHY)
    assert reset.exit_code == 0
    given = reset.stdout.strip()
    assert "reset: DURAND Alice; the code for a new phone is good to the end of " in reset.stderr
    assert provider.refresh(stolen).status_code == 400
    visit = _at_code(provider, doctor)
    thief.authorize(prompt="none")
    assert thief.answer["error"] == "login_required"
    visit.enter_code(doctor)
    assert visit.page.status == 422
    secret = _new_phone(visit, given)
    provider.clock.advance(seconds=30)
    for phone in (secret, assistant.secret):
        again = _at_code(provider, doctor)
        again.submit(code=code_of(phone or "", provider.clock))
        assert "code" in again.answer


@pytest.mark.attack(61)
def test_it_is_audited_with_the_reason_and_without_the_code(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    given = idp("accounts", "reset-mfa", doctor.identifier, *WHY).stdout.strip()
    [line] = provider.audited("mfa.reset")
    assert line["detail"] == {"reason": WHY[1], "phones": 1}
    assert len(provider.audited("activation_code.made")) == 1
    assert given not in str([line, provider.audited("activation_code.made")])


@pytest.mark.attack(74)
def test_support_undoes_an_activation_by_somebody_who_only_had_the_password(
    idp: Idp, provider: Provider
) -> None:
    newcomer = provider.add("408462", "MARTIN Paul")
    thief = provider.browser()
    thief.authorize()
    thief.identify(newcomer, activate_mfa="1")
    thieves = activate(thief, newcomer)
    given = idp("accounts", "reset-mfa", newcomer.identifier, *WHY).stdout.strip()
    visit = _at_code(provider, newcomer)
    visit.enter_code(thieves)
    assert visit.page.status == 422
    _new_phone(visit, given)
    gone = [one["secret"] is None for one in authenticators_of(provider, newcomer)]
    assert sorted(gone) == [False, True]


@pytest.mark.attack(74)
def test_assistants_that_an_impostor_may_have_added_are_named_and_removed_in_the_same_act(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    invented = provider.add_assistant(doctor, "INVENTÉ Jean")
    over = provider.add_assistant(doctor, "ANCIEN Luc")
    provider.remove_assistant(doctor, over.name)
    hint = "run it again with --with-assistants"
    plain = idp("accounts", "reset-mfa", doctor.identifier, *WHY)
    when = provider.clock.now().astimezone(FUND_ZONE).isoformat(timespec="minutes")
    assert f"assistants that remain: 1\n  INVENTÉ Jean, added {when}\n" in plain.stderr
    assert hint in plain.stderr
    assert not provider.audited("assistant.removed")
    dry = idp("accounts", "reset-mfa", doctor.identifier, *WHY, "--with-assistants", "--dry-run")
    assert "assistants that would be removed: 1\n  INVENTÉ Jean" in dry.stderr
    assert not provider.audited("assistant.removed")
    visit = _at_code(provider, doctor)
    visit.enter_code(invented)
    assert "code" in visit.answer
    mail = {"IDP_PLUGINS": json.dumps(BY_MAIL["plugins"]), "IDP_SMTP": json.dumps(BY_MAIL["smtp"])}
    reset = idp("accounts", "reset-mfa", doctor.identifier, *WHY, "--with-assistants", "--json", **mail)
    shown = json.loads(reset.stdout)
    assert (shown["assistants"], shown["removed_assistants"]) == (
        [],
        [{"name": "INVENTÉ Jean", "added": when}],
    )
    assert "assistants removed: 1\n  INVENTÉ Jean" in reset.stderr
    assert hint not in reset.stderr
    [line] = provider.audited("assistant.removed")
    assert (line["detail"]["by"], line["detail"]["reason"]) == ("support", WHY[1])
    assert ("assistant_removed_by_support", "alice@example.org", {"who": "INVENTÉ Jean"}) in told(provider)
    with provider.parts.database.read() as connection:
        removed = connection.execute(select(delegation.c.removed_at, delegation.c.removed_by)).all()
        [sub] = connection.execute(select(account.c.person_id)).scalars()
    # By themselves, and by nobody who has a subject: support.
    assert {row.removed_by for row in removed if row.removed_at} == {sub, None}
    provider.clock.advance(seconds=30)
    again = _at_code(provider, doctor)
    again.enter_code(invented)
    assert again.page.status == 422
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "login_required"


def test_as_json_it_is_one_object_and_once_more_gives_another_code(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    first, second = (
        json.loads(idp("accounts", "reset-mfa", doctor.identifier, *WHY, "--json").stdout) for _ in range(2)
    )
    assert list(first) == ["identifier", "name", "code", "expires", "assistants", "removed_assistants"]
    assert (first["assistants"], first["removed_assistants"]) == ([], [])
    assert first["code"] != second["code"]
    _new_phone(_at_code(provider, doctor), second["code"])
    assert [line["detail"]["phones"] for line in provider.audited("mfa.reset")] == [1, 0]


def test_a_dry_run_takes_nothing_away(idp: Idp, provider: Provider, doctor: Someone) -> None:
    dry = idp("accounts", "reset-mfa", doctor.identifier, *WHY, "--dry-run")
    assert (dry.exit_code, dry.stdout, dry.stderr) == (
        0,
        "",
        "would be reset: DURAND Alice\nassistants that would remain: 0\n",
    )
    visit = _at_code(provider, doctor)
    visit.enter_code(doctor)
    assert "code" in visit.answer
    assert not provider.audited("mfa.reset")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\x1b[2Jb"])
def test_without_a_reason_nothing_is_reset(
    idp: Idp, provider: Provider, doctor: Someone, reason: str
) -> None:
    for more in (["--reason", reason], []):
        refused = idp("accounts", "reset-mfa", doctor.identifier, *more)
        assert (refused.exit_code, refused.stdout) == (2, "")
    assert not provider.audited("mfa.reset")


def test_an_account_without_a_second_factor_or_that_is_not_there_is_refused(
    idp: Idp, provider: Provider
) -> None:
    newcomer = provider.add("408462", "MARTIN Paul")
    refused = idp("accounts", "reset-mfa", newcomer.identifier, *WHY)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "idp accounts activation-code" in refused.stderr
    assert idp("accounts", "reset-mfa", "999999", *WHY).stderr.endswith("no account has it\n")
    assert not provider.audited("mfa.reset")


def test_the_contacts_are_told(idp: Idp, provider: Provider, doctor: Someone) -> None:
    mail = {"IDP_PLUGINS": json.dumps(BY_MAIL["plugins"]), "IDP_SMTP": json.dumps(BY_MAIL["smtp"])}
    reset = idp("accounts", "reset-mfa", doctor.identifier, *WHY, **mail)
    assert reset.exit_code == 0, reset.stderr
    assert told(provider) == [("phone_reset", "alice@example.org", {})]
