"""Consent is of the person whom the page was shown to, in the browser and the sign-in that it was shown in."""

from __future__ import annotations

import pytest

from idp.oidc.authorization.relying_party import RelyingParty
from idp.storage.errors import StorageUnavailable
from tests.protocol.answers import body, tokens
from tests.protocol.consenting import ASKED, at_consent, audited, given
from tests.provider import Provider, Someone


@pytest.mark.attack(23)
def test_nobody_agrees_in_the_place_of_whom_the_page_was_shown_to(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    """One tab waits at the page, in another one somebody else signs in: that person is asked in turn."""
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    waiting = visit.authorize(ASKED)
    visit.authorize("open", prompt="login")
    visit.identify(insured)
    for pressed in ({}, {"cancel": "1"}):
        visit.page = waiting
        visit.submit(**pressed)
        assert visit.left_for is None
        assert f"au sujet de {insured.name}" in visit.page.text
        assert given(provider, doctor) == given(provider, insured) == []
    visit.submit()
    assert given(provider, insured) == [(ASKED, "offline_access openid profile")]
    claims = provider.claims(body(provider.redeem(visit.answer["code"], ASKED))["id_token"])
    assert claims["sub"] == provider.claims(tokens(provider, insured)["id_token"])["sub"]


@pytest.mark.attack(23)
@pytest.mark.parametrize("client_id", ["open", ASKED])
def test_what_one_person_agreed_to_in_a_sign_in_is_forgotten_with_the_next_user(
    provider: Provider,
    doctor: Someone,
    insured: Someone,
    client_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    visit.authorize(client_id, prompt="consent")
    with monkeypatch.context() as broken:
        broken.setattr(RelyingParty, "admit", _unavailable)
        page = visit.page
        visit.submit()
        assert visit.page.status == 503
    visit.page = page
    visit.submit(1)
    assert visit.step == "identification"
    visit.identify(insured)
    assert visit.step == "consent"
    assert given(provider, insured) == []


def test_a_store_that_fails_on_the_way_leaves_a_consent_that_goes_on(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = at_consent(provider, doctor, "open", prompt="consent")
    address = visit.page.url
    with monkeypatch.context() as broken:
        broken.setattr(RelyingParty, "admit", _unavailable)
        visit.submit()
        assert visit.page.status == 503
    visit.get(address)
    assert provider.redeem(visit.answer["code"]).status_code == 200


@pytest.mark.attack(23)
def test_another_browser_cannot_answer(provider: Provider, doctor: Someone) -> None:
    victim = at_consent(provider, doctor)
    thief = provider.browser()
    thief.authorize(ASKED)
    for entered in ({}, {"cancel": "1"}):
        page = thief.post(victim.page.url, {**victim.page.forms[0].fields, **entered})
        assert page.status == 400
    assert given(provider, doctor) == []
    victim.submit()
    assert "code" in victim.answer


@pytest.mark.attack(24)
def test_a_consent_posted_from_another_site_counts_for_nothing(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor)
    fields = {**visit.page.forms[0].fields}
    for token in ("", "x"):
        answer = visit.client.post(
            visit.page.url, data={**fields, "csrf_token": token}, base_url="https://idp.test"
        )
        assert answer.status_code == 400
    assert given(provider, doctor) == []


@pytest.mark.parametrize("asked", [None, "", "x", "é" * 40])
def test_a_form_that_does_not_say_whom_it_asked_is_shown_again(
    provider: Provider, doctor: Someone, asked: str | None
) -> None:
    visit = at_consent(provider, doctor)
    if asked is None:
        del visit.page.forms[0].fields["asked"]
    else:
        visit.page.forms[0].fields["asked"] = asked
    visit.submit()
    assert (visit.step, visit.page.status) == ("consent", 200)
    assert given(provider, doctor) == []


def test_two_tabs_at_the_page_both_arrive(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    pages = [visit.authorize(ASKED, state=state) for state in ("first", "second")]
    for page, state in zip(pages, ("first", "second"), strict=True):
        visit.page = page
        visit.submit()
        assert visit.answer["state"] == state


def test_the_answer_sent_again_gives_no_second_code(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor, "open", prompt="consent")
    page = visit.page
    visit.submit()
    assert "code" in visit.answer
    visit.page = page
    for pressed in ({}, {"cancel": "1"}):
        visit.submit(**pressed)
        assert (visit.left_for, visit.page.error) == (None, "expired")
        visit.page = page
    assert len(audited(provider, doctor, "consent.given")) == 1
    assert audited(provider, doctor, "consent.refused") == []


def test_a_session_that_ends_at_the_page_leads_back_to_the_first(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.sign_in(doctor, "open")
    page = visit.authorize(ASKED)
    visit.client.delete_cookie("__Host-idp_session", domain="idp.test")
    visit.page = page
    visit.submit()
    assert (visit.left_for, visit.step) == (None, "identification")
    assert given(provider, doctor) == []


def _unavailable(*_arguments: object) -> None:
    raise StorageUnavailable
