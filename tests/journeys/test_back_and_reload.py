"""Back, reload, a second tab, the last form sent again: what a tired doctor does is answered calmly."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import select

from idp.storage.schema import ephemeral
from tests.journeys.story import code_of
from tests.provider import Provider, Someone, Visit

People = Mapping[str, Someone]


@pytest.fixture
def people(doctor: Someone, assistant: Someone, newcomer: Someone, insured: Someone) -> People:
    """Give everybody of the story."""
    return {"doctor": doctor, "assistant": assistant, "newcomer": newcomer, "insured": insured}


def _first(visit: Visit, people: People) -> None:
    del people
    visit.authorize()


def _code(visit: Visit, people: People) -> None:
    visit.authorize()
    visit.identify(people["doctor"])


def _lost_phone(visit: Visit, people: People) -> None:
    _code(visit, people)
    visit.get(visit.page.url.removesuffix("code") + "lost-phone")


def _activation(visit: Visit, people: People) -> None:
    visit.authorize("strict")
    visit.identify(people["newcomer"])


def _recovery_codes(visit: Visit, people: People) -> None:
    _activation(visit, people)
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, visit.provider.clock))


def _consent(visit: Visit, people: People) -> None:
    visit.authorize("asking")
    visit.identify(people["insured"])


def _refused(visit: Visit, people: People) -> None:
    visit.authorize("retirement")
    visit.identify(people["doctor"])
    visit.enter_code(people["assistant"])


WAYS: Mapping[str, Callable[[Visit, People], None]] = {
    "identification": _first,
    "code": _code,
    "lost-phone": _lost_phone,
    "activation": _activation,
    "recovery-codes": _recovery_codes,
    "consent": _consent,
    "refused": _refused,
}
"""To each page, by the last part of its path."""

LAST: Mapping[str, Callable[[Visit, People], object]] = {
    "identification": lambda visit, people: visit.identify(people["insured"]),
    "code": lambda visit, people: visit.enter_code(people["doctor"]),
    "recovery-codes": lambda visit, _people: visit.submit(),
    "consent": lambda visit, _people: visit.submit(),
}
"""What is entered on the pages that can be the last one."""


def _at(provider: Provider, people: People, step: str) -> Visit:
    visit = provider.browser()
    WAYS[step](visit, people)
    assert visit.step == step
    return visit


def _codes(provider: Provider) -> int:
    """Return how many authorization codes there are."""
    with provider.parts.database.read() as connection:
        keys = connection.execute(select(ephemeral.c.key)).scalars().all()
    return sum(key.startswith("code:") for key in keys)


@pytest.mark.parametrize("step", WAYS)
def test_a_page_loaded_again_is_the_same_page(provider: Provider, people: People, step: str) -> None:
    visit = _at(provider, people, step)
    before = visit.page
    for _ in range(3):
        page = visit.get(before.url)
        assert (visit.step, page.status, page.secret) == (step, before.status, before.secret)
        assert [form.action for form in page.forms] == [form.action for form in before.forms]
    if step in LAST:
        LAST[step](visit, people)
        assert "code" in visit.answer


@pytest.mark.parametrize("step", LAST)
def test_the_last_form_sent_again_gives_no_second_code_and_a_clear_way_on(
    provider: Provider, people: People, step: str
) -> None:
    visit = _at(provider, people, step)
    page = visit.page
    LAST[step](visit, people)
    assert "code" in visit.answer
    codes = _codes(provider)
    for sent in (True, False):
        provider.clock.advance(seconds=30)
        visit.page = page
        if sent:
            LAST[step](visit, people)
        else:
            visit.get(page.url)
        assert visit.left_for is None
        assert (visit.page.status, visit.page.error) == (400, "expired")
        assert ("Recommencer", "/") in visit.page.links
    assert _codes(provider) == codes
    visit.get("/")
    assert visit.page.status == 200
    assert "Connecté :" in visit.page.text


@pytest.mark.parametrize("earlier", ["identification", "code", "activation", "refused"])
def test_a_page_left_behind_leads_to_where_one_stands(
    provider: Provider, people: People, earlier: str
) -> None:
    """The back button shows the page before, the next click sends it: nothing is judged twice."""
    visit = _at(provider, people, "consent")
    behind = visit.page.url.removesuffix("consent") + earlier
    visit.get(behind)
    assert visit.step == "consent"
    visit.post(behind, {"identifier": "408461", "password": "wrong", "code": "000000"})
    assert visit.step == "consent"
    visit.submit()
    assert "code" in visit.answer
    assert provider.audited("password.refused") == []


@pytest.mark.parametrize("step", [step for step in WAYS if step != "recovery-codes"])
def test_annuler_leads_back_to_the_service_with_access_denied(
    provider: Provider, people: People, step: str
) -> None:
    visit = _at(provider, people, step)
    visit.submit(cancel="1")
    assert visit.answer == {
        "error": "access_denied",
        "error_description": "the person cancelled",
        "state": "the-state",
        "iss": "https://idp.test",
    }
    page = visit.get(visit.page.url)
    assert (page.status, page.error) == (400, "expired")


@pytest.mark.attack(23)
def test_two_tabs_for_two_services_go_on_side_by_side(provider: Provider, people: People) -> None:
    """Page by page in turns, one answered in the address and one by a form; each gets its own answer."""
    visit, doctor = provider.browser(), people["doctor"]
    tabs = [visit.authorize("open", state="one"), visit.authorize("strict", response_mode="form_post")]
    visit.page = tabs[1]
    tabs[1] = visit.identify(doctor)
    visit.page = tabs[0]
    tabs[0] = visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.left_for is not None
    assert visit.left_for.startswith("https://open.test/callback?")
    assert visit.answer["state"] == "one"
    first = visit.answer["code"]
    page = visit.get(tabs[1].url)
    (form,) = page.forms
    assert form.action == "https://strict.test/callback"
    assert form.fields["state"] == "the-state"
    assert provider.redeem(first, "open").status_code == 200
    assert provider.redeem(form.fields["code"], "strict").status_code == 200


def test_a_tab_left_at_the_first_page_goes_on_by_a_reload_once_signed_in_beside_it(
    provider: Provider, people: People
) -> None:
    visit = provider.browser()
    left = visit.authorize("strict")
    visit.authorize("open")
    visit.identify(people["doctor"])
    visit.enter_code(people["doctor"])
    visit.get(left.url)
    assert visit.left_for is not None
    assert visit.left_for.startswith("https://strict.test/callback?code=")


def test_the_services_request_sent_again_after_the_answer_gives_a_new_one(
    provider: Provider, people: People
) -> None:
    visit = provider.browser()
    first = visit.sign_in(people["doctor"])
    visit.authorize()
    assert visit.answer["code"] != first
    assert provider.redeem(visit.answer["code"]).status_code == 200
    assert provider.redeem(first).status_code == 200
