"""A sign-in under way that something overtakes: another person, another password, the same form once more."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask import Response
from idp_password import PasswordFactor
from sqlalchemy import update

from idp.accounts import activation_codes, directory, recovery_codes
from idp.login.journey import Journey
from idp.plugins import PasswordEvidence
from idp.storage.schema import account, delegation
from tests.clock import MovableClock
from tests.journeys.story import code_of, codes_shown, html, twin
from tests.provider import PASSWORD, Provider, Someone, Visit

NEW = "pluie tabac violon"


def _at_codes(provider: Provider, who: Someone) -> Visit:
    visit = provider.browser()
    visit.authorize()
    visit.identify(who, activate_mfa="1")
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, provider.clock))
    assert visit.step == "recovery-codes"
    return visit


def _change(visit: Visit) -> None:
    visit.get("/profile/password")
    visit.submit(current_password=PASSWORD, new_password=NEW)
    assert visit.page.url == "/profile"


def test_whoever_signs_in_where_codes_of_another_were_shown_sees_none_of_them(
    provider: Provider, doctor: Someone, newcomer: Someone
) -> None:
    visit = _at_codes(provider, newcomer)
    codes, address = codes_shown(visit), visit.page.url
    provider.disable(newcomer)
    visit.get(address)
    assert visit.step == "identification"
    visit.identify(doctor)
    seen = [html(visit)]
    for path in (address, f"{address}.txt"):
        visit.get(path)
        assert visit.step == "code"
        seen.append(html(visit))
    visit.enter_code(doctor)
    assert "code" in visit.answer
    seen.append(html(visit))
    assert len(codes) == 10
    assert not [code for code in codes for page in seen if code in page]


def test_whoever_needs_no_code_goes_straight_past_the_codes_of_another(
    provider: Provider, newcomer: Someone, insured: Someone
) -> None:
    visit = _at_codes(provider, newcomer)
    codes = codes_shown(visit)
    provider.disable(newcomer)
    visit.get(visit.page.url)
    visit.identify(insured)
    assert "code" in visit.answer
    assert not [code for code in codes if code in html(visit)]


def test_whoever_activates_where_codes_of_another_were_shown_sees_their_own(
    provider: Provider, newcomer: Someone
) -> None:
    visit = _at_codes(provider, newcomer)
    codes = codes_shown(visit)
    provider.disable(newcomer)
    visit.get(visit.page.url)
    visit.identify(provider.add("408463", "PETIT Anne"), activate_mfa="1")
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, provider.clock))
    assert visit.step == "recovery-codes"
    assert len(codes_shown(visit)) == 10
    assert not set(codes) & set(codes_shown(visit))


@pytest.mark.parametrize("page", ["code", "lost-phone"])
def test_a_sign_in_under_way_with_the_old_password_does_not_outlive_it(
    provider: Provider, doctor: Someone, visit: Visit, page: str
) -> None:
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        codes = recovery_codes.renew(connection, provider.parts.keyring, account_id, provider.clock.now())
    provider.clock.advance(seconds=30)
    thief = provider.browser()
    thief.authorize()
    thief.identify(doctor)
    assert thief.step == "code"
    if page == "lost-phone":
        thief.get(thief.page.url.replace("/code", "/lost-phone"))
    other = twin(thief)
    _change(visit)
    if page == "code":
        thief.enter_code(doctor)
    else:
        thief.submit(recovery_code=codes[0], choice="forgotten")
    assert thief.step == "identification"
    other.get(other.page.url)
    assert other.step == "identification"
    # The one who changed it, and whoever knows the new one, go on.
    assert visit.get("/profile").url == "/profile"
    provider.clock.advance(seconds=30)
    assert provider.browser().sign_in(replace(doctor, password=NEW))


def test_an_assistant_at_the_code_page_with_the_old_practice_password_signs_in_anew(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    helper = provider.browser()
    helper.authorize()
    helper.identify(assistant)
    _change(visit)
    helper.enter_code(assistant)
    assert helper.step == "identification"
    provider.clock.advance(seconds=30)
    helper.identify(replace(assistant, password=NEW))
    helper.enter_code(assistant)
    assert "code" in helper.answer


def _with_own_password(provider: Provider, assistant: Someone) -> Someone:
    own = "violon genou pluie"
    with provider.parts.database.write() as connection:
        connection.execute(update(delegation).values(password=provider.parts.plugins.knowledge.hash(own)))
    return replace(assistant, password=own)


@pytest.mark.parametrize("whose", ["practice", "own"])
def test_of_an_assistant_with_a_password_of_their_own_only_that_one_counts(
    tmp_path: Path, clock: MovableClock, whose: str
) -> None:
    provider = Provider(tmp_path, clock, assistants_sign_in="own_password")
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    assistant = _with_own_password(provider, provider.add_assistant(doctor, "NAUDIN Fernand"))
    helper = provider.browser()
    helper.authorize()
    helper.identify(assistant)
    other = provider.parts.plugins.knowledge.hash(NEW)
    with provider.parts.database.write() as connection:
        connection.execute(update(account if whose == "practice" else delegation).values(password=other))
    helper.enter_code(assistant)
    assert helper.left_for is not None if whose == "practice" else helper.step == "identification"
    provider.parts.database.dispose()


def _overtake(provider: Provider, monkeypatch: pytest.MonkeyPatch, phc: str) -> None:
    """Let another string be stored between the comparison of the next password and what is done with it."""
    knowledge = type(provider.parts.plugins.knowledge)
    real = knowledge.verify

    def verify(self: PasswordFactor, stored: Sequence[str], password: str) -> PasswordEvidence:
        evidence = real(self, stored, password)
        monkeypatch.setattr(knowledge, "verify", real)
        with provider.parts.database.write() as connection:
            connection.execute(update(account).values(password=phc))
        return evidence

    monkeypatch.setattr(knowledge, "verify", verify)


@pytest.mark.parametrize("by", ["the same", "another"])
def test_a_password_that_was_to_be_stored_anew_is_judged_by_what_stands_there_meanwhile(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    cheap = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    with provider.parts.database.write() as connection:
        connection.execute(update(account).values(password=cheap))
    visit = provider.browser()
    visit.authorize()
    same = by == "the same"
    _overtake(provider, monkeypatch, provider.parts.plugins.knowledge.hash(PASSWORD if same else NEW))
    visit.identify(doctor)
    assert visit.step == ("code" if same else "identification")
    assert len(provider.audited("password.accepted")) == same
    assert len(provider.audited("password.refused")) == (not same)


def test_a_password_changed_while_the_old_one_is_compared_opens_nothing(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = provider.browser()
    visit.authorize()
    _overtake(provider, monkeypatch, provider.parts.plugins.knowledge.hash(NEW))
    visit.identify(doctor)
    assert visit.step == "identification"


def test_a_step_up_of_a_session_does_not_outlive_the_password_either(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.get("/profile")
    visit.identify(newcomer)
    visit.authorize("strict")
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, provider.clock))
    assert visit.step == "recovery-codes"
    with provider.parts.database.write() as connection:
        phc = provider.parts.plugins.knowledge.hash(NEW)
        directory.set_password(connection, provider.account_id(connection, newcomer), phc)
    visit.submit()
    assert visit.step == "identification"


def test_the_same_form_once_more_does_not_lose_the_recovery_codes(
    tmp_path: Path, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Provider(tmp_path, clock, enrolment_proof="activation_code")
    newcomer = provider.add("408462", "MARTIN Paul")
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, newcomer)
        letter = activation_codes.make(connection, provider.parts.keyring, account_id, clock.now()).code
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, activate_mfa="1")
    visit.submit(activation_code=letter, code="000000")
    again, real = twin(visit), Journey.prove
    assert visit.page.secret is not None
    code = code_of(visit.page.secret, clock)

    def prove(*arguments: Any, **changes: Any) -> Response:
        monkeypatch.setattr(Journey, "prove", real)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(again.submit, code=code).result(timeout=20)
        return real(*arguments, **changes)

    monkeypatch.setattr(Journey, "prove", prove)
    visit.submit(code=code)
    assert again.step == "code"
    assert visit.step == "recovery-codes"
    assert len(codes_shown(visit)) == 10
    visit.submit()
    assert "code" in visit.answer
    provider.parts.database.dispose()
