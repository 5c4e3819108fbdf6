"""``assistants_sign_in: own_password``: password and code are one person's, and the practitioner knows neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from idp.accounts import assistant_factors, directory
from idp.app import create_app
from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser, rows
from tests.journeys.story import (
    audit_kinds,
    audit_lines,
    authenticators_of,
    code_of,
    cookie,
    failures_of,
    html,
)
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race

OWN = "vélo rouge au port"


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider whose assistants sign in with a password of their own."""
    whole = Provider(tmp_path, clock, assistants_sign_in="own_password")
    yield whole
    whole.parts.database.dispose()


def _towards_rekey(provider: Provider, assistant: Someone, client_id: str = "open") -> Visit:
    """Sign in with the practice's password and the phone that the practitioner gave, up to the page that follows."""
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(assistant)
    visit.enter_code(assistant)
    assert visit.step == "rekey"
    return visit


def _chosen(visit: Visit, password: str = OWN) -> dict[str, str]:
    """Return the page's form as a right one."""
    assert visit.page.secret is not None
    return {"new_password": password, "code": code_of(visit.page.secret, visit.provider.clock)}


def _rekeyed(provider: Provider, assistant: Someone, password: str = OWN) -> Someone:
    """Sign in for the first time, and return the assistant with what they chose."""
    visit = _towards_rekey(provider, assistant)
    secret = visit.page.secret
    visit.submit(**_chosen(visit, password))
    assert "code" in visit.answer
    provider.clock.advance(seconds=30)
    return replace(assistant, password=password, secret=secret)


def _tries(provider: Provider, password: str, phone: Someone) -> Visit:
    """Return where a browser gets with a password and a phone."""
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize()
    visit.identify(replace(phone, password=password))
    if visit.step == "code":
        visit.enter_code(phone)
    return visit


def _refused(visit: Visit) -> bool:
    """See that the code page says what it says of any wrong code."""
    told = "Code incorrect ou expiré" in visit.page.text
    return (visit.left_for, visit.step, visit.page.status, told) == (None, "code", 422, True)


def _claims(provider: Provider, visit: Visit) -> dict[str, Any]:
    return provider.claims(provider.redeem(visit.answer["code"]).get_json()["id_token"])


def test_the_first_sign_in_asks_for_a_password_and_a_key_of_ones_own_before_it_lets_in(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = _towards_rekey(provider, assistant)
    assert cookie(visit, "session") is None
    assert "Vous agissez pour DURAND Alice" in visit.page.text
    secret = visit.page.secret
    assert secret not in (None, assistant.secret)
    visit.submit(**_chosen(visit))
    claims = _claims(provider, visit)
    assert (claims["act"]["name"], claims["acr"], claims["amr"]) == (
        assistant.name,
        "mfa",
        ["pwd", "otp", "mfa"],
    )
    assert claims["auth_time"] == int(provider.clock.now().timestamp())
    own = replace(assistant, password=OWN, secret=secret)
    again = _tries(provider, OWN, own)
    later = _claims(provider, again)
    assert (later["sub"], later["act"]) == (claims["sub"], claims["act"])
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    [line] = [line for line in audit_lines(provider) if line["kind"] == "assistant.rekeyed"]
    assert (line["account_id"], line["actor_id"]) == (account_id, claims["act"]["sub"])
    assert line["detail"] == {"delegation": claims["delegation"]["id"]}


def test_what_the_doctor_knows_opens_nothing_once_the_assistant_chose(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    assert _refused(_tries(provider, doctor.password, assistant))
    assert _refused(_tries(provider, OWN, assistant))
    assert _refused(_tries(provider, doctor.password, own))
    assert _tries(provider, OWN, own).left_for is not None
    mine = [row for row in authenticators_of(provider, doctor) if row["delegation_id"] is not None]
    assert len(mine) == 1


def test_password_and_code_of_two_people_are_refused_and_counted_like_a_wrong_code(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    other = provider.add_assistant(doctor, "VOLFONI Raoul")
    fernand = _rekeyed(provider, assistant)
    raoul = _rekeyed(provider, other, "sept petits bateaux")
    new = provider.add_assistant(doctor, "NAUDIN Lulu")
    before = failures_of(provider).get("code", 0)
    crossed = [
        (doctor.password, fernand),
        (fernand.password, doctor),
        (fernand.password, raoul),
        (raoul.password, fernand),
        (raoul.password, new),
    ]
    for password, phone in crossed:
        assert _refused(_tries(provider, password, phone))
        provider.clock.advance(seconds=60)
    assert failures_of(provider)["code"] == before + len(crossed)
    for who in (doctor, fernand, raoul):
        assert _tries(provider, who.password, who).left_for is not None


def test_a_wrong_persons_code_is_told_word_for_word_like_a_wrong_one(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    visit = provider.browser()
    visit.authorize()
    visit.identify(doctor)
    told = {
        (visit.submit(code=code).status, visit.page.text) for code in ("000000", own.code(provider.clock))
    }
    assert len(told) == 1


def test_the_doctor_signs_in_as_ever(provider: Provider, doctor: Someone, assistant: Someone) -> None:
    _rekeyed(provider, assistant)
    visit = doctors_browser(provider, doctor)
    assert visit.get("/profile").status == 200


def test_an_own_password_alone_opens_nothing_even_where_the_practices_would(
    provider: Provider, newcomer: Someone
) -> None:
    assistant = provider.add_assistant(newcomer, "NAUDIN Fernand")
    alone = provider.browser()
    alone.authorize()
    alone.identify(newcomer)
    assert "code" in alone.answer
    stepped = provider.browser()
    stepped.authorize("strict")
    stepped.identify(newcomer)
    assert stepped.step == "activation"
    with provider.parts.database.write() as connection:
        phc = provider.parts.plugins.knowledge.hash(OWN)
        row = rows(provider)[0]
        assert assistant_factors.rekey(
            connection, provider.parts.keyring, row["account_id"], row["id"], phc, assistant.secret or "", 1,
            provider.clock.now(),
        )  # fmt: skip
    own = replace(assistant, password=OWN)
    for client_id in ("open", "strict"):
        visit = provider.browser()
        visit.authorize(client_id)
        visit.identify(own, activate_mfa="1")
        assert visit.step == "code"
        assert cookie(visit, "session") is None
        visit.submit(code="000000")
        assert visit.page.status == 422
    assert "lost-phone" not in html(visit)
    provider.clock.advance(seconds=30)
    visit.submit(code=own.code(provider.clock))
    assert visit.answer["code"]


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"new_password": ""}, "new_password", "Saisissez le nouveau mot de passe."),
        ({"new_password": "court"}, "new_password", "Il faut au moins 8 caractères."),
        ({"new_password": "naudin fernand"}, "new_password", "Ce mot de passe reprend votre nom"),
        ({"new_password": "azertyuiop"}, "new_password", "Choisissez"),
        ({"code": ""}, "code", "Saisissez les six chiffres"),
        ({"code": "000000"}, "code", "Code incorrect ou expiré"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    provider: Provider, doctor: Someone, assistant: Someone, changes: dict[str, str], field: str, told: str
) -> None:
    visit = _towards_rekey(provider, assistant)
    secret = visit.page.secret
    page = visit.submit(**{**_chosen(visit), **changes})
    assert (page.status, page.secret) == (422, secret)
    assert f'id="{field}-problem"' in html(visit)
    assert told in page.text
    assert OWN not in html(visit)
    assert rows(provider)[0]["password"] is None
    assert "assistant.rekeyed" not in audit_kinds(provider)
    visit.submit(**_chosen(visit))
    assert "code" in visit.answer


def test_the_assistants_old_phone_does_not_confirm_the_new_key(
    provider: Provider, assistant: Someone
) -> None:
    visit = _towards_rekey(provider, assistant)
    provider.clock.advance(seconds=30)
    page = visit.submit(new_password=OWN, code=assistant.code(provider.clock))
    assert page.status == 422


def test_a_password_of_somebody_else_at_the_practice_is_refused(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    _rekeyed(provider, assistant)
    other = provider.add_assistant(doctor, "VOLFONI Raoul")
    visit = _towards_rekey(provider, other)
    page = visit.submit(**_chosen(visit))
    assert (page.status, "Choisissez un autre mot de passe." in page.text) == (422, True)
    assert [row["password"] is None for row in rows(provider) if row["name"] == other.name] == [True]
    visit.submit(**_chosen(visit, "sept petits bateaux"))
    assert "code" in visit.answer


def test_the_practices_password_is_not_ones_own(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    practices = "trois canards verts"
    with provider.parts.database.write() as connection:
        phc = provider.parts.plugins.knowledge.hash(practices)
        directory.set_password(connection, provider.account_id(connection, doctor), phc)
    visit = _towards_rekey(provider, replace(assistant, password=practices))
    page = visit.submit(**_chosen(visit, practices))
    assert (page.status, "Choisissez un autre mot de passe." in page.text) == (422, True)


def test_leaving_the_page_changes_nothing_and_the_next_sign_in_asks_again(
    provider: Provider, assistant: Someone
) -> None:
    visit = _towards_rekey(provider, assistant)
    visit.submit(cancel="1")
    assert visit.answer["error"] == "access_denied"
    assert rows(provider)[0]["password"] is None
    _towards_rekey(provider, assistant)


def test_of_two_sign_ins_that_choose_at_once_one_counts_and_the_other_starts_again(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    windows = []
    for _ in range(2):
        windows.append(_towards_rekey(provider, assistant))
    forms = [
        _chosen(one, password) for one, password in zip(windows, (OWN, "sept petits bateaux"), strict=True)
    ]
    race(2, lambda number: windows[number].submit(**forms[number]))
    [won] = [number for number, one in enumerate(windows) if one.left_for is not None]
    lost = windows[1 - won]
    assert lost.step == "identification"
    assert cookie(lost, "session") is None
    assert audit_kinds(provider).count("assistant.rekeyed") == 1
    mine = [row for row in authenticators_of(provider, doctor) if row["delegation_id"] is not None]
    assert len(mine) == 1
    assert "code" in windows[won].answer


def test_a_page_left_open_is_worth_nothing_in_the_very_second_in_which_another_chose(
    provider: Provider, assistant: Someone
) -> None:
    first, second = provider.browser(), provider.browser()
    for visit, steps in ((first, -1), (second, 0)):
        visit.authorize()
        visit.identify(assistant)
        visit.enter_code(assistant, steps=steps)
        assert visit.step == "rekey"
    first.submit(**_chosen(first))
    assert "code" in first.answer
    second.get(second.page.url)
    assert second.step == "identification"
    assert cookie(second, "session") is None


def test_a_new_phone_from_the_doctor_forgets_the_password_and_asks_to_choose_again(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    subject = _claims(provider, _tries(provider, OWN, own))["act"]["sub"]
    visit = doctors_browser(provider, doctor)
    page = visit.get(f"/profile/assistants/{rows(provider)[0]['id']}/phone")
    assert "choisira un nouveau mot de passe" in page.text
    assert page.secret is not None
    visit.submit(code=code_of(page.secret, provider.clock))
    assert rows(provider)[0]["password"] is None
    assert _tries(provider, OWN, own).step == "identification"
    given = replace(assistant, secret=page.secret)
    again = _rekeyed(provider, given, "sept petits bateaux")
    assert _claims(provider, _tries(provider, again.password, again))["act"]["sub"] == subject


def test_one_who_is_removed_keeps_no_password(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    provider.remove_assistant(doctor, assistant.name)
    assert rows(provider)[0]["password"] is None
    assert _tries(provider, OWN, own).step == "identification"


def test_failed_passwords_of_whoever_it_is_count_on_the_identifier(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    visit = provider.browser()
    visit.authorize()
    for _ in range(4):
        visit.submit(identifier=doctor.identifier, password="wrong")
    assert visit.submit(identifier=doctor.identifier, password=OWN).status == 429
    provider.clock.advance(seconds=30)
    visit.identify(own)
    assert visit.step == "code"
    assert failures_of(provider).get("password", 0) == 0


def _switched(provider: Provider, setting: str, *visits: Visit) -> None:
    """Restart the provider with another setting, on the same stores; the browsers stay as they are."""
    settings = provider.settings.model_copy(update={"assistants_sign_in": setting})
    provider.app = create_app(settings, provider.parts)
    for visit in visits:
        visit.client.application = provider.app


def test_once_the_setting_asks_for_it_earlier_sessions_and_tokens_count_only_after_choosing(
    provider: Provider, assistant: Someone
) -> None:
    _switched(provider, "practice_password")
    visit, late = provider.browser(), provider.browser()
    tokens = provider.redeem(visit.sign_in(assistant)).get_json()
    provider.clock.advance(seconds=30)
    late.sign_in(assistant)
    _switched(provider, "own_password", visit, late)
    assert provider.refresh(tokens["refresh_token"]).status_code == 400
    visit.authorize(prompt="none")
    assert visit.answer["error"] == "interaction_required"
    visit.authorize()
    assert visit.step == "rekey"
    visit.submit(**_chosen(visit))
    anew = provider.redeem(visit.answer["code"]).get_json()
    assert provider.userinfo(anew["access_token"]).status_code == 200
    assert provider.refresh(anew["refresh_token"]).status_code == 200
    late.authorize()
    assert late.step == "identification"


def test_whoever_finds_an_assistants_session_open_cannot_choose_in_their_place(
    provider: Provider, assistant: Someone
) -> None:
    _switched(provider, "practice_password")
    visit = provider.browser()
    visit.sign_in(assistant)
    _switched(provider, "own_password", visit)
    provider.clock.advance(seconds=301)
    visit.authorize()
    assert visit.step == "identification"


def test_with_the_practices_password_again_own_passwords_do_not_count(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    own = _rekeyed(provider, assistant)
    _switched(provider, "practice_password")
    assert _tries(provider, doctor.password, own).left_for is not None
    assert _tries(provider, OWN, own).step == "identification"
    assert _tries(provider, doctor.password, doctor).left_for is not None
