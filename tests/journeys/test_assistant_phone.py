"""A new phone for an assistant: the same person, and nothing left of the phone before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.journeys.practice import rows
from tests.journeys.story import audit_lines, authenticators_of, code_of, html, twin
from tests.provider import Provider, Someone, Visit
from tests.storage.racing import race


def _address(provider: Provider) -> str:
    return f"/profile/assistants/{rows(provider)[0]['id']}/phone"


def _given_new_phone(visit: Visit, assistant: Someone) -> Someone:
    """Replace the phone on the profile and return the assistant with the new one."""
    page = visit.get(_address(visit.provider))
    assert page.secret is not None
    visit.submit(code=code_of(page.secret, visit.provider.clock))
    assert visit.page.url == "/profile"
    return replace(assistant, secret=page.secret)


def _signed_in(provider: Provider, who: Someone) -> tuple[Visit, dict[str, Any]]:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    tokens = provider.redeem(visit.sign_in(who)).get_json()
    return visit, {**tokens, "claims": provider.claims(tokens["id_token"])}


def _enters(provider: Provider, who: Someone) -> bool:
    provider.clock.advance(seconds=30)
    visit = provider.browser()
    visit.authorize()
    visit.identify(who)
    visit.enter_code(who)
    return visit.left_for is not None


@pytest.mark.attack(59)
def test_the_subject_stays_and_the_phone_before_opens_nothing(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    _old, before = _signed_in(provider, assistant)
    page = visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    assert "Nouveau téléphone" in page.text
    renewed = _given_new_phone(visit, assistant)
    assert "Le nouveau téléphone de NAUDIN Fernand est enregistré" in visit.page.text
    assert renewed.secret != assistant.secret
    assert not _enters(provider, assistant)
    _new, after = _signed_in(provider, renewed)
    assert after["claims"]["act"] == before["claims"]["act"]
    assert after["claims"]["delegation"]["id"] == before["claims"]["delegation"]["id"]
    assert after["claims"]["sid"] != before["claims"]["sid"]


@pytest.mark.attack(52)
def test_sessions_and_tokens_of_the_phone_before_end_and_nobody_elses(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    other = provider.add_assistant(doctor, "VOLFONI Raoul")
    with provider.parts.database.read() as connection:
        account_id = provider.account_id(connection, doctor)
    lost, theirs = _signed_in(provider, assistant)
    kept, others = _signed_in(provider, other)
    rows_before = [row["name"] for row in rows(provider)]
    assert rows_before[0] == assistant.name
    _given_new_phone(visit, assistant)
    assert provider.userinfo(theirs["access_token"]).status_code == 401
    assert provider.refresh(theirs["refresh_token"]).status_code == 400
    lost.authorize(prompt="none")
    assert lost.answer["error"] == "login_required"
    assert provider.userinfo(others["access_token"]).status_code == 200
    kept.authorize(prompt="none")
    assert "code" in kept.answer
    assert visit.get("/profile").url == "/profile"
    replaced = [line for line in audit_lines(provider) if line["kind"] == "assistant.phone_replaced"]
    assert [(line["account_id"], line["actor_id"], line["detail"]) for line in replaced] == [
        (account_id, None, {"delegation": rows(provider)[0]["id"]})
    ]


def test_a_sign_in_half_way_with_the_phone_before_goes_no_further(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    half = provider.browser()
    half.authorize()
    half.identify(assistant)
    _given_new_phone(visit, assistant)
    half.enter_code(assistant)
    assert (half.page.status, half.left_for) == (422, None)


@pytest.mark.attack(13)
def test_the_phone_before_works_until_the_new_one_shows_its_code(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    secret = visit.get(_address(provider)).secret
    assert visit.get(_address(provider)).secret == secret
    assert visit.submit(code="000000").status == 422
    assert visit.page.secret == secret
    assert visit.submit(code="12").status == 422
    assert visit.submit(code=assistant.code(provider.clock)).status == 422
    visit.submit(cancel="1")
    assert visit.page.url == f"/profile/assistants/{rows(provider)[0]['id']}"
    assert _enters(provider, assistant)
    assert [row["kind"] for row in audit_lines(provider) if row["kind"].startswith("assistant.")] == []


def test_a_confirmed_secret_is_never_shown_again_and_confirms_nobody_else(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    provider.add_assistant(doctor, "VOLFONI Raoul")
    first, other = (f"/profile/assistants/{row['id']}/phone" for row in rows(provider))
    secret = visit.get(first).secret
    assert secret is not None
    assert visit.get(other).secret != secret
    assert visit.submit(code=code_of(secret, provider.clock)).status == 422
    visit.get(first)
    visit.submit(code=code_of(secret, provider.clock))
    for path in ("/profile", first, "/profile/assistants/new"):
        visit.get(path)
        assert secret not in html(visit)


def test_one_form_raced_in_many_windows_leaves_one_phone(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    page = visit.get(_address(provider))
    assert page.secret is not None
    code = code_of(page.secret, provider.clock)
    windows = [twin(visit) for _ in range(8)]
    race(len(windows), lambda number: windows[number].submit(code=code))
    mine = [row for row in authenticators_of(provider, doctor) if row["delegation_id"] is not None]
    assert len(mine) == 1
    kinds = [line["kind"] for line in audit_lines(provider)]
    assert kinds.count("assistant.phone_replaced") == 1
    assert _enters(provider, replace(assistant, secret=page.secret))


def test_the_code_that_confirmed_the_phone_is_spent(
    provider: Provider, assistant: Someone, visit: Visit
) -> None:
    renewed = _given_new_phone(visit, assistant)
    again = provider.browser()
    again.authorize()
    again.identify(renewed)
    again.enter_code(renewed)
    assert again.page.status == 422


def test_an_assistant_who_is_removed_meanwhile_gets_no_phone(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    page = visit.get(_address(provider))
    assert page.secret is not None
    provider.remove_assistant(doctor, assistant.name)
    assert visit.submit(code=code_of(page.secret, provider.clock)).status == 404
    rows_now = [row for row in authenticators_of(provider, doctor) if row["delegation_id"] is not None]
    assert [row["secret"] for row in rows_now] == [None]
