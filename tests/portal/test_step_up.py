"""An operation that demands more than was proved: the provider is asked for it, and the portal goes on where it was."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask_relying_party import Actor, Caller, Demand, InsufficientAuthentication
from werkzeug.test import TestResponse

from tests.clock import MovableClock
from tests.portal.conftest import Browser
from tests.portal.practice import BLANK, FORM, TYPED, cancel, hidden, history, send
from tests.portal.stand_in import ABSENT, ASSISTANT, DOCTOR, Behaviour, StandIn
from tests.provider import START


def asked_of(response: TestResponse) -> dict[str, str]:
    """The authorization request that a response leads to."""
    assert response.status_code == 302, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


def test_a_password_is_stepped_up_and_the_sheet_is_sent_as_it_was_typed(
    by_password: Browser, provider: StandIn
) -> None:
    needed = send(by_password)
    assert asked_of(needed)["acr_values"] == "mfa"
    assert "prompt" not in asked_of(needed)
    assert "max_age" not in asked_of(needed)
    assert "Aucune feuille de soins." in history(by_password)
    provider.does.person = DOCTOR
    done = by_password.get(by_password.at_provider(needed))
    assert done.location == "/historique?transmise=1"
    assert "ROSSIGNEUX Camille Visite à domicile 31,50 €" in history(by_password)
    assert send(by_password).location == "/historique?transmise=2"


@pytest.mark.attack(27)
def test_the_session_id_changes_with_the_step_up(by_password: Browser, provider: StandIn) -> None:
    before = by_password.session_cookie()
    needed = send(by_password)
    provider.does.person = DOCTOR
    by_password.get(by_password.at_provider(needed))
    assert by_password.session_cookie() != before
    by_password.client.set_cookie("fse_session", before, domain="127.0.0.1")
    assert not by_password.is_signed_in()


def test_what_was_typed_is_not_in_any_address(by_password: Browser, provider: StandIn) -> None:
    needed = send(by_password)
    assert "123456" not in needed.location
    assert "31" not in asked_of(needed).values()


def test_the_way_back_works_once(by_password: Browser, provider: StandIn) -> None:
    needed = send(by_password)
    provider.does.person = DOCTOR
    address = by_password.at_provider(needed)
    by_password.get(address)
    assert 'data-error="invalid_state"' in by_password.get(address).text
    assert "N°" in history(by_password)
    assert "2 13/01/2026" not in history(by_password)


@pytest.mark.attack(24)
def test_the_way_back_in_another_browser_sends_nothing(
    by_password: Browser, other_browser: Browser, provider: StandIn
) -> None:
    needed = send(by_password)
    provider.does.person = DOCTOR
    other_browser.open("/login")
    refused = other_browser.get(by_password.at_provider(needed))
    assert 'data-error="invalid_state"' in refused.text
    assert "Aucune feuille de soins." in history(other_browser)


@pytest.mark.attack(29)
def test_a_provider_that_did_not_step_up_sends_nothing_and_is_not_asked_in_a_circle(
    by_password: Browser, provider: StandIn
) -> None:
    page = by_password.get(by_password.at_provider(send(by_password)))
    assert page.status_code == 403
    assert 'data-error="not_stepped_up"' in page.text
    assert 'value="31,50"' in page.text
    assert "Aucune feuille de soins." in history(by_password)


def test_who_cancels_at_the_provider_finds_the_form_as_it_was(
    by_password: Browser, provider: StandIn
) -> None:
    needed = send(by_password)
    provider.does.answer = {"code": ABSENT, "error": "access_denied"}
    page = by_password.get(by_password.at_provider(needed))
    assert page.status_code == 403
    assert 'value="31,50"' in page.text
    assert '<option value="V" selected>' in page.text
    assert 'value="2026-01-13"' in page.text
    assert by_password.is_signed_in()
    provider.does.answer = {}
    provider.does.person = DOCTOR
    again = by_password.post("/fse/feuille", {**hidden(page.text), **FORM, **TYPED})
    assert by_password.get(by_password.at_provider(again)).location == "/historique?transmise=1"


@pytest.mark.parametrize("failure", ["down", "lost", "userinfo"])
def test_a_form_outlives_a_provider_that_fails_at_the_end_of_its_step_up(
    by_password: Browser, provider: StandIn, failure: str
) -> None:
    address = by_password.at_provider(send(by_password))
    provider.does = Behaviour(
        person={**DOCTOR, "name": ABSENT} if failure == "userinfo" else DOCTOR,
        down=failure == "down",
        lost_answers=int(failure == "lost"),
        userinfo_status=500,
    )
    page = by_password.get(address)
    assert (page.status_code, "Rien n’est perdu." in page.text) == (503, True)
    assert by_password.is_signed_in()
    # Two ways on, while it is still out of reach: the one that is taken in the end is the only one that counts.
    tries = [by_password.get(address) for _ in range(2)]
    provider.does = Behaviour(person=DOCTOR)
    assert [asked_of(one)["acr_values"] for one in tries] == ["mfa", "mfa"]
    done = by_password.get(by_password.at_provider(tries[1]))
    assert done.location == "/historique?transmise=1"
    assert 'data-error="invalid_state"' in by_password.get(address).text


def test_a_form_whose_check_gets_no_answer_is_kept_in_the_page(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    blank = secured.get(BLANK)
    clock.advance(seconds=2)
    provider.does.down = True
    typed = {**FORM, **hidden(blank.text), **TYPED, "montant": '3"<1'}
    page = secured.post("/fse/feuille", typed)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert "Ce que vous avez saisi est conservé sur cette page." in page.text
    assert 'action="/fse/feuille"' in page.text
    kept = {name: html.unescape(value) for name, value in hidden(page.text).items()}
    assert kept == typed
    provider.does.down = False
    assert secured.post("/fse/feuille", {**kept, "montant": "31,50"}).location == "/historique?transmise=1"


def test_another_sites_form_is_not_kept_in_a_page_that_would_send_it(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    clock.advance(seconds=2)
    provider.does.down = True
    page = secured.post("/fse/feuille", {**FORM, **TYPED, "form_token": "guessed"})
    assert (page.status_code, hidden(page.text)) == (400, {})


def test_what_a_step_up_replaces_is_given_back_to_the_provider(
    by_password: Browser, provider: StandIn
) -> None:
    before = list(provider.refresh_tokens)[-1]
    needed = send(by_password)
    provider.does.person = DOCTOR
    by_password.get(by_password.at_provider(needed))
    assert provider.given_back == [before]
    assert by_password.get("/fse").status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"revocation_status": 503}, {"discovery": {"revocation_endpoint": ABSENT}}]
)
def test_a_provider_that_takes_nothing_back_holds_nobody_up(
    browser: Browser, provider: StandIn, wrong: dict[str, Any]
) -> None:
    provider.does = Behaviour(**wrong)
    browser.open("/login")
    assert browser.open("/login").status_code == 200
    assert browser.is_signed_in()


def test_another_error_of_the_provider_is_told_as_ever(by_password: Browser, provider: StandIn) -> None:
    needed = send(by_password)
    provider.does.answer = {"code": ABSENT, "error": "unmet_authentication_requirements"}
    page = by_password.get(by_password.at_provider(needed))
    assert 'data-error="unmet_authentication_requirements"' in page.text
    assert by_password.is_signed_in()


def test_an_assistant_who_steps_up_the_doctors_session_confirms_in_their_own_name(
    by_password: Browser, provider: StandIn
) -> None:
    """The code says who is there: nothing is sent in a name that nobody chose."""
    needed = send(by_password)
    provider.does.person = ASSISTANT
    page = by_password.get(by_password.at_provider(needed))
    assert 'data-error="other_person"' in page.text
    assert 'value="31,50"' in page.text
    assert "Vous agissez pour" in page.text
    assert "Aucune feuille de soins." in history(by_password)
    sent = by_password.post("/fse/feuille", {**hidden(page.text), **FORM, **TYPED})
    assert sent.location == "/historique?transmise=1"
    assert "par NAUDIN Fernand" in history(by_password)


def test_another_practice_sees_nothing_of_it(by_password: Browser, provider: StandIn) -> None:
    needed = send(by_password)
    provider.does.person = {**DOCTOR, "sub": "p-2", "name": "AUTRE"}
    page = by_password.get(by_password.at_provider(needed))
    assert page.location == "/fse"
    assert "Aucune feuille de soins." in history(by_password)


def test_a_recent_sign_in_cancels_a_sheet_at_once(secured: Browser) -> None:
    send(secured)
    assert cancel(secured).location == "/historique?annulee=1"
    assert "La feuille de soins n° 1 est annulée." in secured.get("/historique?annulee=1").text
    assert "Annulée" in history(secured)


def test_an_old_sign_in_is_renewed_before_a_sheet_is_cancelled(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    send(secured)
    clock.advance(seconds=15 * 60)
    needed = cancel(secured)
    asked = asked_of(needed)
    assert (asked["max_age"], asked["acr_values"]) == ("900", "mfa")
    assert "Annulée" not in history(secured)
    assert secured.get(secured.at_provider(needed)).location == "/historique?annulee=1"
    assert "Annulée" in history(secured)


def test_a_provider_that_ignores_max_age_cancels_nothing(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    send(secured)
    clock.advance(seconds=15 * 60)
    needed = cancel(secured)
    provider.does.claims = {"auth_time": int(clock.now().timestamp()) - 901}
    page = secured.get(secured.at_provider(needed))
    assert (page.status_code, 'data-error="not_stepped_up"' in page.text) == (403, True)
    assert "Annulée" not in history(secured)


def test_a_form_sent_after_the_session_ended_is_done_after_a_new_sign_in(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    blank = secured.get(BLANK)
    clock.advance(seconds=1800)
    again = secured.post("/fse/feuille", {**hidden(blank.text), **FORM, **TYPED})
    assert "acr_values" not in asked_of(again)
    assert secured.get(secured.at_provider(again)).location == "/historique?transmise=1"


def test_a_form_sent_when_the_provider_has_ended_the_session_is_done_after_a_new_sign_in(
    secured: Browser, provider: StandIn, clock: MovableClock
) -> None:
    blank = secured.get(BLANK)
    clock.advance(seconds=290)
    provider.does.grant_ended = True
    again = secured.post("/fse/feuille", {**hidden(blank.text), **FORM, **TYPED})
    provider.does.grant_ended = False
    assert secured.get(secured.at_provider(again)).location == "/historique?transmise=1"


@pytest.mark.parametrize(
    ("demand", "acr", "age", "met"),
    [
        (Demand(), "pwd", 10**6, True),
        (Demand(acr="mfa"), "pwd", 0, False),
        (Demand(acr="mfa"), "mfa", 10**6, True),
        (Demand(max_age=900), "pwd", 900, True),
        (Demand(max_age=900), "pwd", 901, False),
        (Demand(acr="mfa", max_age=900), "mfa", 901, False),
        (Demand(acr="mfa", max_age=900), "pwd", 0, False),
        (Demand(max_age=0), "mfa", 1, False),
    ],
)
def test_a_demand_is_met_or_told_whole(demand: Demand, acr: Any, age: int, met: bool) -> None:
    caller = Caller("p-1", Actor("a-1", "NAUDIN Fernand"), acr, int(START.timestamp()) - age)
    if met:
        demand.check(caller, START)
        return
    with pytest.raises(InsufficientAuthentication) as needed:
        demand.check(caller, START)
    told = needed.value.demand.parameters()
    assert told.get("acr_values") == ("mfa" if demand.acr == "mfa" else None)
    assert told.get("max_age") == (None if demand.max_age is None else str(demand.max_age))
