"""On a practice's shared computer: who acts never changes without a new code, whichever way somebody goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.files import Files
from tests.journeys.story import cookie, html, plant, switch_user, twin
from tests.provider import CLIENTS, Provider, Someone, Visit

BOTH = pytest.mark.parametrize("doctor_first", [True, False], ids=["the doctor first", "the assistant first"])
DOCTORS_OWN = "retirement"
"""A service whose file does not say that assistants are allowed."""

pytestmark = pytest.mark.attack(60)


def _tokens(provider: Provider, visit: Visit, client_id: str = "open") -> dict[str, Any]:
    answer = provider.redeem(visit.answer["code"], client_id)
    assert answer.status_code == 200
    return dict(answer.get_json())


def _acting(provider: Provider, visit: Visit, client_id: str = "open") -> str | None:
    """Return who acts, by what a service gets without anybody being asked; ``None``: the doctor in person."""
    provider.clock.advance(seconds=5)
    visit.authorize(client_id, prompt="none")
    act = provider.claims(_tokens(provider, visit, client_id)["id_token"]).get("act")
    return act["name"] if act else None


class Pair:
    """Who signed in first, and who sits there next; both have the practice's identifier and password."""

    def __init__(self, provider: Provider, first: Someone, second: Someone, doctor: Someone) -> None:
        self.provider, self.first, self.second = provider, first, second
        self.expected = {one.name: None if one is doctor else one.name for one in (first, second)}
        self.visit = provider.browser()
        self.visit.sign_in(first)
        self.got = _tokens(provider, self.visit)
        provider.clock.advance(seconds=30)

    def still_the_first(self, *clients: str) -> bool:
        named = {_acting(self.provider, self.visit, one) for one in clients or ("open", "strict", "public")}
        return named == {self.expected[self.first.name]}

    def now_the_second(self) -> bool:
        return _acting(self.provider, self.visit) == self.expected[self.second.name]


@pytest.fixture
def pair(provider: Provider, doctor: Someone, assistant: Someone, request: pytest.FixtureRequest) -> Pair:
    """Give both in the order of the test's ``doctor_first``."""
    first, second = (doctor, assistant) if request.getfixturevalue("doctor_first") else (assistant, doctor)
    return Pair(provider, first, second, doctor)


def _kept_by_the_next(pair: Pair) -> dict[str, Any]:
    """Sign the second person in by a new code, and return what they got."""
    pair.visit.authorize(prompt="login")
    pair.visit.identify(pair.second)
    pair.visit.enter_code(pair.second)
    return _tokens(pair.provider, pair.visit)


@BOTH
def test_a_service_that_asks_nobody_hears_of_who_showed_the_code(pair: Pair, doctor_first: bool) -> None:
    for _ in range(3):
        pair.provider.clock.advance(seconds=120)
        assert pair.still_the_first("open", "portal", "strict", "public", "twin")
    hint = pair.got["id_token"]
    pair.visit.authorize(prompt="none", id_token_hint=hint)
    assert "code" in pair.visit.answer
    _kept_by_the_next(pair)
    pair.visit.authorize(prompt="none", id_token_hint=hint)
    assert pair.visit.answer["error"] == "login_required"
    assert doctor_first == (pair.expected[pair.first.name] is None)


@BOTH
def test_by_signing_in_the_next_one_ends_the_session_before_and_everything_from_it(
    pair: Pair, doctor_first: bool
) -> None:
    provider, old = pair.provider, cookie(pair.visit, "session")
    assert old is not None
    code = _code_of_another_service(pair)
    new = _kept_by_the_next(pair)
    assert provider.userinfo(pair.got["access_token"]).status_code == 401
    assert provider.refresh(pair.got["refresh_token"]).status_code == 400
    assert provider.introspect(pair.got["access_token"]).get_json() == {"active": False}
    assert provider.redeem(code, "public").status_code == 400
    before, after = (provider.claims(one["id_token"]) for one in (pair.got, new))
    assert before["sid"] != after["sid"]
    assert before["sub"] == after["sub"]
    assert [one.get("act", {}).get("name") for one in (before, after)] == [
        pair.expected[pair.first.name],
        pair.expected[pair.second.name],
    ]
    thief = provider.browser()
    plant(thief, "session", old)
    thief.authorize(prompt="none")
    assert thief.answer["error"] == "login_required"
    assert pair.now_the_second()
    assert ("act" in before) == (not doctor_first)


@BOTH
@pytest.mark.parametrize(
    "asked", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "10"}, {"prompt": "select_account"}]
)
def test_stopping_before_the_code_changes_nothing_whatever_the_service_asked(
    pair: Pair, doctor_first: bool, asked: dict[str, str]
) -> None:
    del doctor_first
    visit = pair.visit
    visit.authorize("strict", **asked)
    assert visit.step == "identification"
    assert pair.still_the_first()
    visit.authorize("strict", **asked)
    visit.identify(pair.second)
    assert visit.step == "code"
    assert pair.still_the_first()
    visit.authorize("strict", **asked)
    visit.identify(pair.second)
    visit.enter_code(pair.second)
    assert "code" in visit.answer
    assert pair.now_the_second()


@BOTH
def test_going_on_after_being_asked_to_choose_keeps_who_acts(pair: Pair, doctor_first: bool) -> None:
    del doctor_first
    pair.visit.authorize("public", prompt="select_account")
    assert f"Continuer en tant que {pair.first.name}" in pair.visit.page.text
    value = html(pair.visit).partition('name="continue" value="')[2].partition('"')[0]
    pair.visit.submit(**{"continue": value})
    act = pair.provider.claims(_tokens(pair.provider, pair.visit, "public")["id_token"]).get("act")
    assert (act["name"] if act else None) == pair.expected[pair.first.name]
    assert pair.still_the_first()


@BOTH
def test_a_step_up_asks_for_a_code_and_the_code_says_who_it_is(
    provider: Provider, newcomer: Someone, doctor_first: bool
) -> None:
    """A session of the password alone is left behind, in which nobody is named yet but the doctor."""
    helper = provider.add_assistant(newcomer, "VOLFONI Paul")
    visit = provider.browser()
    visit.sign_in(newcomer)
    first = provider.claims(_tokens(provider, visit)["id_token"])
    elsewhere = provider.browser()
    elsewhere.authorize("strict")
    elsewhere.identify(newcomer)
    assert elsewhere.page.secret is not None
    phone = Someone(newcomer.identifier, newcomer.password, newcomer.name, elsewhere.page.secret)
    elsewhere.enter_code(phone)
    provider.clock.advance(seconds=30)
    visit.authorize("strict", prompt="none")
    assert visit.answer["error"] == "login_required"
    visit.authorize("strict")
    assert visit.step == "code"
    visit.enter_code(phone if doctor_first else helper)
    risen = provider.claims(_tokens(provider, visit, "strict")["id_token"])
    assert risen.get("act", {}).get("name") == (None if doctor_first else helper.name)
    assert (risen["sid"] == first["sid"]) == doctor_first
    assert _acting(provider, visit) == (None if doctor_first else helper.name)


@BOTH
def test_going_back_in_the_browser_brings_nobody_back(pair: Pair, doctor_first: bool) -> None:
    del doctor_first
    provider, visit = pair.provider, pair.visit
    visit.authorize(prompt="login")
    identification = visit.page
    visit.identify(pair.second)
    code_page = visit.page
    spent = pair.second.code(provider.clock)
    visit.submit(code=spent)
    assert "code" in visit.answer
    assert pair.now_the_second()
    for page, entered in (
        (code_page, {"code": spent}),
        (code_page, {"code": pair.first.code(provider.clock)}),
        (identification, {"identifier": pair.first.identifier, "password": pair.first.password}),
    ):
        visit.page = page
        visit.submit(**entered)
        assert (visit.left_for, visit.page.error) == (None, "expired")
        assert pair.now_the_second()


@BOTH
def test_a_second_tab_follows_the_one_that_showed_a_code_and_never_leads_it(
    pair: Pair, doctor_first: bool
) -> None:
    del doctor_first
    provider, visit = pair.provider, pair.visit
    visit.authorize("strict", prompt="login", state="waiting")
    visit.identify(pair.first)
    waiting = visit.page
    _kept_by_the_next(pair)
    assert pair.now_the_second()
    visit.page = waiting
    provider.clock.advance(seconds=30)
    visit.submit(code=pair.first.code(provider.clock))
    assert (visit.left_for, visit.step) == (None, "identification"), "the password was shown before the other"
    assert pair.now_the_second()
    visit.page = waiting
    visit.get(waiting.url)
    visit.identify(pair.first)
    provider.clock.advance(seconds=30)
    visit.enter_code(pair.first)
    assert visit.answer["state"] == "waiting"
    assert _acting(provider, visit) == pair.expected[pair.first.name]


@BOTH
def test_changing_the_user_leaves_nobody_until_a_code_is_shown(pair: Pair, doctor_first: bool) -> None:
    del doctor_first
    visit = pair.visit
    window = twin(visit)
    visit.get("/")
    switch_user(visit)
    for one in (visit, window):
        one.authorize("open", prompt="none")
        assert one.answer["error"] == "login_required"
    visit.authorize()
    visit.identify(pair.second)
    visit.authorize("open", prompt="none")
    assert visit.answer["error"] == "login_required"
    visit.authorize()
    visit.identify(pair.second)
    visit.enter_code(pair.second)
    assert pair.now_the_second()


@BOTH
@pytest.mark.attack(63)
def test_a_service_that_refuses_assistants_is_opened_by_the_doctors_own_code_alone(
    pair: Pair, doctor_first: bool
) -> None:
    provider, visit = pair.provider, pair.visit
    files = Files(provider)
    files.touched(*map(files.path, CLIENTS))
    files.write(DOCTORS_OWN, initiate_login_uri="https://retirement.test/login")
    files.look()
    if not doctor_first:
        _refused_everywhere(provider, visit)
        _kept_by_the_next(pair)
    visit.authorize(DOCTORS_OWN)
    got = _tokens(provider, visit, DOCTORS_OWN)
    assert "act" not in provider.claims(got["id_token"])
    provider.clock.advance(seconds=60)
    helper = pair.second if doctor_first else pair.first
    visit.authorize("open", prompt="login")
    visit.identify(helper)
    visit.enter_code(helper)
    _refused_everywhere(provider, visit)
    assert provider.userinfo(got["access_token"]).status_code == 401
    assert provider.refresh(got["refresh_token"], DOCTORS_OWN).status_code == 400


def _refused_everywhere(provider: Provider, visit: Visit) -> None:
    """Assert that the assistant who is signed in gets into the doctor's own service by no way of single sign-on."""
    visit.get("/")
    assert "Réservé au praticien" in visit.page.text
    assert "retirement.test" not in html(visit)
    visit.authorize(DOCTORS_OWN, prompt="none")
    assert visit.answer["error"] == "access_denied"
    for asked in ({}, {"acr_values": "mfa"}, {"max_age": "3600"}):
        visit.authorize(DOCTORS_OWN, **asked)
        assert (visit.left_for, visit.page.status, visit.step) == (None, 403, "refused")
    visit.authorize(DOCTORS_OWN, prompt="select_account")
    value = html(visit).partition('name="continue" value="')[2].partition('"')[0]
    visit.submit(**{"continue": value})
    assert (visit.left_for, visit.page.status, visit.step) == (None, 403, "refused")
    assert provider.audited("service.refused")


def _code_of_another_service(pair: Pair) -> str:
    pair.visit.authorize("public")
    return pair.visit.answer["code"]
