"""A sign-in under way belongs to the browser that began it."""

from __future__ import annotations

import pytest

from tests.journeys.story import audit_kinds, cookie, plant, switch_user, twin
from tests.provider import Provider, Someone, Visit


def _at(provider: Provider, who: Someone, step: str) -> Visit:
    visit = provider.browser()
    visit.authorize()
    if step != "identification":
        visit.identify(who)
    assert visit.step == step
    return visit


@pytest.mark.attack(23)
@pytest.mark.parametrize("step", ["identification", "code"])
def test_a_foreign_browser_cannot_go_on_with_it(provider: Provider, doctor: Someone, step: str) -> None:
    victim = _at(provider, doctor, step)
    thief = provider.browser()
    thief.authorize()
    for page in (
        thief.get(victim.page.url),
        thief.post(victim.page.url, {"code": doctor.code(provider.clock)}),
        thief.post(victim.page.url.replace(step, "switch"), {}),
    ):
        assert (page.status, page.error) == (400, "expired")
        assert "Recommencer" in page.text
    if step == "identification":
        victim.identify(doctor)
    victim.enter_code(doctor)
    assert "code" in victim.answer


@pytest.mark.attack(23)
@pytest.mark.parametrize(
    "changed", ["x", "x" * 43, "x" * 5_000, "..%2f..%2fprofile", "%00", "é", "transaction:x"]
)
def test_a_tampered_transaction_is_none(provider: Provider, doctor: Someone, changed: str) -> None:
    visit = _at(provider, doctor, "code")
    page = visit.get(f"/signin/{changed}/code")
    assert page.status in (400, 404)
    assert page.error in ("expired", "not_found")


@pytest.mark.attack(23)
def test_a_tampered_browser_cookie_is_another_browser(provider: Provider, doctor: Someone) -> None:
    visit = _at(provider, doctor, "code")
    value = cookie(visit, "browser")
    assert value is not None
    payload, _, mac = value.partition(".")
    plant(visit, "browser", f"{payload[:-2]}AA.{mac}")
    assert visit.get(visit.page.url).error == "expired"


@pytest.mark.attack(23)
@pytest.mark.attack(27)
def test_without_the_proof_cookie_the_password_shown_does_not_count(
    provider: Provider, doctor: Someone
) -> None:
    visit = _at(provider, doctor, "code")
    thief = provider.browser()
    value = cookie(visit, "browser")
    assert value is not None
    plant(thief, "browser", value)
    for planted in (None, "x" * 43, value):
        if planted:
            plant(thief, "proof", planted)
        thief.page = visit.page
        thief.submit(code=doctor.code(provider.clock))
        assert thief.step == "identification"
        assert thief.left_for is None
    visit.enter_code(doctor)
    assert "code" in visit.answer


@pytest.mark.attack(23)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_of_one_browser_can_both_finish(
    provider: Provider, doctor: Someone, order: tuple[int, int]
) -> None:
    visit = provider.browser()
    pages = []
    for state in ("first", "second"):
        visit.authorize(state=state)
        visit.identify(doctor)
        pages.append(visit.page)
    states = []
    for number in order:
        visit.page = pages[number]
        provider.clock.advance(seconds=30)
        visit.submit(code=doctor.code(provider.clock))
        if visit.left_for is None and visit.step == "identification":
            visit.identify(doctor)
            visit.enter_code(doctor)
        states.append(visit.answer["state"])
    assert states == [("first", "second")[number] for number in order]


@pytest.mark.attack(23)
def test_two_tabs_at_the_first_page_do_not_mix_their_services(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    first = visit.authorize("open")
    visit.authorize("strict")
    visit.page = first
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.left_for is not None
    assert visit.left_for.startswith("https://open.test/callback?")
    provider.redeem(visit.answer["code"], "strict")
    assert provider.redeem(visit.answer["code"], "strict").status_code == 400
    assert provider.redeem(visit.answer["code"], "open").status_code == 200


@pytest.mark.attack(24)
def test_a_form_without_this_browsers_token_is_refused(provider: Provider, doctor: Someone) -> None:
    visit = _at(provider, doctor, "identification")
    other = provider.browser()
    other.authorize()
    entered = {"identifier": doctor.identifier, "password": doctor.password}
    for token in ("", "x", other.page.forms[0].fields["csrf_token"]):
        page = visit.post(visit.page.url, {**entered, "csrf_token": token})
        assert (page.status, page.error) == (400, "expired")
        assert "Rien n'a été enregistré" in page.text
    assert audit_kinds(provider) == []


@pytest.mark.attack(24)
def test_a_form_posted_from_another_site_is_refused(provider: Provider, doctor: Someone) -> None:
    visit = _at(provider, doctor, "identification")
    fields = {**visit.page.forms[0].fields, "identifier": doctor.identifier, "password": doctor.password}
    for headers in ({"Referer": "https://evil.test/"}, {}):
        answer = visit.client.post(visit.page.url, data=fields, base_url="https://idp.test", headers=headers)
        assert answer.status_code == 400
    assert audit_kinds(provider) == []


@pytest.mark.parametrize("step", ["identification", "code"])
def test_an_expired_sign_in_leads_to_a_clear_page(provider: Provider, doctor: Someone, step: str) -> None:
    visit = _at(provider, doctor, step)
    provider.clock.advance(seconds=599)
    assert visit.get(visit.page.url).status == 200
    provider.clock.advance(seconds=1)
    for page in (visit.get(visit.page.url), visit.post(visit.page.url, {"code": "123456"})):
        assert (page.status, page.error) == (400, "expired")
        assert "ecommencez depuis l'accueil" in page.text


def test_a_finished_sign_in_is_over_and_gives_no_second_code(provider: Provider, doctor: Someone) -> None:
    visit = _at(provider, doctor, "code")
    page = visit.page
    visit.enter_code(doctor)
    assert "code" in visit.answer
    provider.clock.advance(seconds=30)
    visit.page = page
    visit.enter_code(doctor)
    assert (visit.left_for, visit.page.error) == (None, "expired")


def test_pages_of_another_step_lead_to_where_one_stands(provider: Provider, doctor: Someone) -> None:
    visit = _at(provider, doctor, "code")
    base = visit.page.url.removesuffix("code")
    for step in ("identification", "activation", "refused", "code"):
        visit.get(base + step)
        assert visit.step == "code"
    visit.post(base + "identification", {"identifier": "2001234", "password": "x"})
    assert visit.step == "code"
    visit.post(base + "activation", {"code": doctor.code(provider.clock)})
    assert visit.step == "code"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_with_a_page(provider: Provider, doctor: Someone, method: str) -> None:
    visit = _at(provider, doctor, "code")
    answer = visit.client.open(visit.page.url, method=method, base_url="https://idp.test")
    assert answer.status_code in (400, 405)


def test_changing_the_user_on_the_way_forgets_what_was_proved(
    provider: Provider, doctor: Someone, insured: Someone
) -> None:
    visit = _at(provider, doctor, "code")
    address = visit.page.url
    old = twin(visit)
    switch_user(visit)
    assert visit.step == "identification"
    assert visit.page.forms[0].fields["identifier"] == ""
    old.page.url = address
    old.submit(code=doctor.code(provider.clock))
    assert old.step == "identification"
    visit.identify(insured)
    tokens = provider.redeem(visit.answer["code"]).json
    assert tokens is not None
    assert provider.claims(tokens["id_token"])["acr"] == "pwd"


def test_a_client_removed_on_the_way_ends_the_sign_in_with_a_clear_page(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = _at(provider, doctor, "code")
    monkeypatch.setattr(provider.parts.clients, "get", lambda _client_id: None)
    visit.enter_code(doctor)
    assert (visit.page.status, visit.page.error) == (400, "expired")
