"""*Accords donnés*: what one agreed that services are told, and withdrawing it: then nothing goes on."""

from __future__ import annotations

import re

import pytest

from tests.clients.files import Files
from tests.journeys.story import audit_lines, html, statements, switch_user
from tests.protocol.answers import body, redirected_error, token_error
from tests.protocol.consenting import ASKED, at_consent, audited, given
from tests.provider import CLIENTS, Provider, Someone, Visit

PAGE = "/profile/consents"
WORDS = "offline_access openid profile"


def _agreed(provider: Provider, who: Someone, client_id: str = ASKED) -> tuple[Visit, dict[str, str]]:
    """Agree at a service; return the browser, at the page of consents, and what the service got."""
    provider.clock.advance(seconds=30)
    visit = at_consent(provider, who, client_id, prompt="consent")
    visit.submit()
    got = body(provider.redeem(visit.answer["code"], client_id))
    visit.get(PAGE)
    return visit, got


def _listed(visit: Visit) -> dict[str, tuple[str, list[str]]]:
    """Return since when each service is told, and what."""
    found = re.findall(r'<section class="card".*?<h2[^>]*>(.*?)</h2>(.*?)</section>', html(visit), re.DOTALL)
    return {
        name: (
            re.findall(r'<p class="hint">(.*?)</p>', card)[0],
            re.findall(r"<li>(.*?)</li>", card),
        )
        for name, card in found
    }


def _alive(provider: Provider, got: dict[str, str]) -> bool:
    return provider.userinfo(got["access_token"]).status_code == 200


def test_the_page_says_which_service_is_told_what_since_when(provider: Provider, doctor: Someone) -> None:
    visit, _got = _agreed(provider, doctor)
    assert _listed(visit) == {
        "Service asking": (
            "Accepté le 15/01 10:30",
            [
                "un identifiant qui ne change pas, et comment vous vous êtes identifié",
                "l&#39;identité : nom, prénoms, sexe, date de naissance, langue",
                "tout cela aussi en votre absence, jusqu&#39;à votre déconnexion",
            ],
        )
    }
    assert dict(visit.page.links)["← Retour au profil"] == "/profile"
    assert dict(visit.get("/profile").links)["Accords donnés"] == PAGE


def test_before_agreeing_one_is_told_that_it_can_be_withdrawn(provider: Provider, doctor: Someone) -> None:
    visit = at_consent(provider, doctor)
    assert "Vous pourrez retirer votre accord à tout moment" in visit.page.text


def test_what_is_withdrawn_ends_userinfo_refresh_and_introspection_and_is_asked_again(
    provider: Provider, doctor: Someone
) -> None:
    visit, got = _agreed(provider, doctor)
    earlier = body(provider.refresh(got["refresh_token"], ASKED))
    assert _alive(provider, got)
    visit.submit()
    assert (visit.page.url, visit.page.status) == (PAGE, 200)
    assert "Votre accord est retiré : Service asking" in visit.page.text
    assert "Vous n'avez donné aucun accord." in visit.page.text
    assert given(provider, doctor) == []
    assert audited(provider, doctor, "consent.withdrawn") == [(None, ASKED, WORDS)]
    assert not _alive(provider, got)
    assert not _alive(provider, earlier)
    assert token_error(provider.refresh(earlier["refresh_token"], ASKED)) == "invalid_grant"
    assert body(provider.introspect(got["access_token"], ASKED)) == {"active": False}
    visit.authorize(ASKED, prompt="none")
    assert redirected_error(visit, ASKED) == "consent_required"
    visit.authorize(ASKED)
    assert visit.step == "consent"
    visit.submit()
    assert _alive(provider, body(provider.redeem(visit.answer["code"], ASKED)))


def test_other_services_and_the_session_go_on(provider: Provider, doctor: Someone) -> None:
    visit, _got = _agreed(provider, doctor)
    visit.authorize("open", prompt="consent")
    visit.submit()
    other = body(provider.redeem(visit.answer["code"]))
    visit.get(PAGE)
    assert list(_listed(visit)) == ["Service asking", "Service open"]
    visit.submit(0)
    assert list(_listed(visit)) == ["Service open"]
    assert _alive(provider, other)
    visit.authorize("open", prompt="none")
    assert "code" in visit.answer


@pytest.mark.parametrize("spent", [False, True])
def test_a_code_that_was_out_gives_nothing_afterwards(
    provider: Provider, doctor: Someone, spent: bool
) -> None:
    visit = at_consent(provider, doctor)
    visit.submit()
    code = visit.answer["code"]
    if spent:
        assert provider.redeem(code, ASKED).status_code == 200
    visit.get(PAGE)
    visit.submit()
    assert token_error(provider.redeem(code, ASKED)) == "invalid_grant"


def test_an_assistant_withdraws_their_own_and_nobody_elses(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    doctors, doctors_got = _agreed(provider, doctor)
    assistants, assistants_got = _agreed(provider, assistant)
    colleague = provider.add_assistant(doctor, "VOLFONI Paul")
    _colleagues, colleagues_got = _agreed(provider, colleague)
    assert "votre nom, NAUDIN Fernand, comme assistant(e)" in assistants.page.text
    assert len(_listed(assistants)) == 1
    assert f"Vous agissez pour {doctor.name}" in assistants.page.text
    assert dict(assistants.page.links)["← Retour à l'accueil"] == "/"
    assistants.submit()
    assert [_alive(provider, got) for got in (doctors_got, assistants_got, colleagues_got)] == [
        True,
        False,
        True,
    ]
    (line,) = audited(provider, doctor, "consent.withdrawn")
    act = provider.claims(assistants_got["id_token"])["act"]
    assert line == (act["sub"], ASKED, WORDS)
    doctors.submit()
    assert [_alive(provider, got) for got in (doctors_got, colleagues_got)] == [False, True]


def test_an_assistant_gets_there_by_the_home_page_and_by_signing_in(
    provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    visit = provider.browser()
    visit.get(PAGE)
    visit.identify(doctor)
    visit.enter_code(assistant)
    assert (visit.page.url, visit.page.status) == (PAGE, 200)
    visit.get("/")
    assert dict(visit.page.links)["Accords donnés"] == PAGE
    assert visit.get("/profile").status == 403
    provider.clock.advance(seconds=30)
    journal = provider.browser()
    journal.get("/profile")
    journal.identify(doctor)
    journal.enter_code(doctor)
    assert "NAUDIN Fernand · Accords donnés" in journal.page.text


def test_another_account_changes_nothing_by_the_services_name(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    _visit, got = _agreed(provider, doctor)
    other, _its = _agreed(provider, insured, "open")
    for client_id in (ASKED, "nobody", ""):
        before = len(audit_lines(provider))
        other.submit(client_id=client_id)
        assert (other.page.url, other.page.status) == (PAGE, 200)
        assert "retiré :" not in other.page.text
        assert len(audit_lines(provider)) == before
    assert _alive(provider, got)
    assert given(provider, doctor) == [(ASKED, WORDS)]


def test_pressed_twice_it_is_withdrawn_once(provider: Provider, doctor: Someone) -> None:
    visit, _got = _agreed(provider, doctor)
    page = visit.page
    visit.submit()
    visit.page = page
    visit.submit()
    assert (visit.page.url, visit.page.status) == (PAGE, 200)
    assert len(audited(provider, doctor, "consent.withdrawn")) == 1


def test_what_was_told_to_a_service_that_is_no_more_can_still_be_withdrawn(
    provider: Provider, doctor: Someone
) -> None:
    visit, _got = _agreed(provider, doctor)
    files = Files(provider)
    files.touched(*map(files.path, CLIENTS))
    files.remove(ASKED)
    files.look()
    visit.get(PAGE)
    assert list(_listed(visit)) == [ASKED]
    visit.submit()
    assert given(provider, doctor) == []


def test_a_shared_computer_shows_the_next_one_their_own(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit, _got = _agreed(provider, doctor)
    switch_user(visit)
    visit.get(PAGE)
    assert visit.step == "identification"
    visit.identify(insured)
    assert (visit.page.url, _listed(visit)) == (PAGE, {})
    assert given(provider, doctor) == [(ASKED, WORDS)]


@pytest.mark.attack(23)
@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("doctor_first", [True, False])
def test_a_page_left_open_withdraws_for_nobody_but_whom_it_was_shown_to(
    provider: Provider, doctor: Someone, assistant: Someone, *, doctor_first: bool, switched: bool
) -> None:
    """In another tab the other one of the practice signs in, who agreed at the same service."""
    first, second = (doctor, assistant) if doctor_first else (assistant, doctor)
    _elsewhere, got = _agreed(provider, second)
    visit, firsts = _agreed(provider, first)
    left_open = visit.page
    if switched:
        switch_user(visit)
    provider.clock.advance(seconds=30)
    visit.sign_in(second, prompt="login")
    visit.page = left_open
    visit.submit()
    if switched:
        assert (visit.page.status, visit.page.error) == (400, "expired")
    else:
        assert (visit.page.status, visit.page.error) == (422, "invalid_form")
        assert "Rien n'a été retiré" in visit.page.text
        assert f"Connecté : {second.name}" in visit.page.text
    assert len(given(provider, doctor)) == 2
    assert audited(provider, doctor, "consent.withdrawn") == []
    assert _alive(provider, got)
    assert not _alive(provider, firsts), "its session ended"
    visit.get(PAGE)
    visit.submit()
    assert visit.page.status == 200
    assert not _alive(provider, got)


@pytest.mark.parametrize("shown_to", [None, "", "x", "é" * 40])
def test_a_form_that_does_not_say_whom_it_was_shown_to_withdraws_nothing(
    provider: Provider, doctor: Someone, shown_to: str | None
) -> None:
    visit, _got = _agreed(provider, doctor)
    if shown_to is None:
        del visit.page.forms[0].fields["shown_to"]
    else:
        visit.page.forms[0].fields["shown_to"] = shown_to
    visit.submit()
    assert (visit.page.status, list(_listed(visit))) == (422, ["Service asking"])
    assert given(provider, doctor) == [(ASKED, WORDS)]


def test_of_each_service_the_page_promises_what_its_file_holds_to(
    provider: Provider, doctor: Someone
) -> None:
    """One that asked of its own accord (``prompt=consent``) is told anew without asking."""
    _agreed(provider, doctor)
    visit, got = _agreed(provider, doctor, "open")
    promised = dict(
        re.findall(r'<h2[^>]*>(.*?)</h2>.*?<p class="hint">(Si vous.*?)</p>', html(visit), re.DOTALL)
    )
    assert "devra le redemander" in promised["Service asking"]
    assert "peut apprendre de nouveau" in promised["Service open"]
    visit.submit(0)
    assert not _alive(provider, got)
    visit.authorize("open", prompt="none")
    assert "code" in visit.answer
    visit.get(PAGE)
    visit.submit(0)
    assert "Vous pouvez le retirer" not in visit.page.text, "there is nothing left to withdraw"


@pytest.mark.attack(31)
def test_a_code_that_was_out_stays_dead_when_less_is_agreed_to_while_it_would_live(
    provider: Provider, doctor: Someone
) -> None:
    visit = at_consent(provider, doctor)
    visit.submit()
    code = visit.answer["code"]
    visit.get(PAGE)
    visit.submit()
    visit.authorize(ASKED, scope="openid")
    visit.submit()
    smaller = visit.answer["code"]
    assert given(provider, doctor) == [(ASKED, "openid")]
    assert token_error(provider.redeem(code, ASKED)) == "invalid_grant"
    assert body(provider.redeem(smaller, ASKED))["scope"] == "openid"


def test_the_exchange_of_a_code_asks_for_the_consent_only_where_there_was_one(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    codes = [visit.sign_in(doctor, "open")]
    visit.authorize(ASKED)
    visit.submit()
    codes.append(visit.answer["code"])
    asked = []
    for client_id, code in zip(("open", ASKED), codes, strict=True):
        with statements(provider) as seen:
            assert provider.redeem(code, client_id).status_code == 200
        asked.append(sum("FROM consent" in one for one in seen))
    assert asked == [0, 1]
