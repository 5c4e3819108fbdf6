"""A sign-in that is over leads back to the service that it was for, where this very browser began it."""

from __future__ import annotations

import pytest

from tests.clients.files import Files
from tests.journeys.story import cookie, switch_user
from tests.provider import CLIENTS, Provider, Someone, Visit

TO_PORTAL = ("Revenir à : Service portal", "https://portal.test/login?iss=https%3A%2F%2Fidp.test")
HOME = ("Recommencer", "/")


@pytest.fixture
def files(provider: Provider) -> Files:
    """Give the files of a provider with more services that start a sign-in."""
    made = Files(provider)
    made.touched(*map(made.path, CLIENTS))
    made.write("strict", initiate_login_uri="https://strict.test/login?tenant=a")
    made.write("public", initiate_login_uri="https://public.test/login")
    made.look()
    return made


def _expired(visit: Visit, url: str) -> tuple[str, str]:
    """Open the page of a sign-in that is over, and return the way that it offers."""
    visit.get(url)
    assert (visit.page.status, visit.page.error, visit.left_for) == (400, "expired", None)
    return next(link for link in visit.page.links if link[0].startswith(("Revenir", "Recommencer")))


@pytest.mark.parametrize("posted", [False, True])
def test_an_expired_sign_in_leads_back_to_its_service(provider: Provider, posted: bool) -> None:
    visit = provider.browser()
    page = visit.authorize("portal")
    provider.clock.advance(seconds=600)
    assert _expired(visit, page.url) == TO_PORTAL
    assert "Recommencez depuis le service." in visit.page.text
    if posted:
        visit.page = page
        visit.submit(identifier="408461", password="x")
        assert visit.page.status == 400
        assert TO_PORTAL in visit.page.links


def test_one_that_is_done_leads_there_too_and_the_session_lets_its_person_in(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    page = visit.authorize("portal")
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert _expired(visit, page.url) == TO_PORTAL
    visit.authorize("portal")
    assert "code" in visit.answer


def test_each_tab_leads_back_to_its_own_service(files: Files) -> None:
    visit = files.provider.browser()
    pages = [visit.authorize(client_id) for client_id in ("strict", "portal", "open")]
    files.provider.clock.advance(seconds=600)
    strict = ("Revenir à : Service strict", "https://strict.test/login?tenant=a&iss=https%3A%2F%2Fidp.test")
    assert [_expired(visit, page.url) for page in pages] == [strict, TO_PORTAL, HOME]


@pytest.mark.attack(23)
@pytest.mark.attack(26)
def test_what_another_browser_began_leads_home_whoever_sends_it(provider: Provider) -> None:
    begun = provider.browser().authorize("portal").url
    for stranger in (provider.browser(), provider.browser()):
        stranger.get("/")
        assert _expired(stranger, begun) == HOME
        assert _expired(stranger, "/signin/made-up/identification?client_id=portal&service=portal") == HOME
        stranger.authorize("portal")
        assert _expired(stranger, begun) == HOME


@pytest.mark.attack(26)
def test_a_cookie_that_somebody_wrote_leads_home(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.authorize("portal")
    signed = cookie(visit, "browser")
    assert signed is not None
    head, _, rest = signed.partition(".")
    visit.client.set_cookie("__Host-idp_browser", f"{head}A.{rest}", domain="idp.test", secure=True)
    assert _expired(visit, page.url) == HOME


def test_a_service_that_is_no_more_or_starts_no_sign_in_any_more_leads_home(files: Files) -> None:
    visit = files.provider.browser()
    pages = [visit.authorize(client_id) for client_id in ("strict", "public", "portal")]
    files.remove("strict")
    files.write("public", initiate_login_uri=None)
    files.provider.clock.advance(seconds=600)
    files.look()
    assert [_expired(visit, page.url) for page in pages] == [HOME, HOME, TO_PORTAL]


def test_the_providers_own_pages_lead_home(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.get("/profile")
    provider.clock.advance(seconds=600)
    assert _expired(visit, page.url) == HOME


def test_whoever_sits_there_next_is_not_told_where_the_one_before_was_signing_in(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    over = visit.authorize("portal")
    visit.identify(doctor)
    visit.enter_code(doctor)
    visit.get("/")
    switch_user(visit)
    assert _expired(visit, over.url) == HOME
    provider.clock.advance(seconds=30)
    visit.sign_in(doctor, "portal")
    signed_out = visit.authorize("portal", prompt="login")
    visit.get("/logout")
    visit.submit()
    assert visit.page.url == "/logout/done"
    provider.clock.advance(seconds=600)
    assert _expired(visit, signed_out.url) == HOME


def test_the_sign_in_in_which_the_user_changes_still_leads_back_and_no_other(
    files: Files, doctor: Someone
) -> None:
    visit = files.provider.browser()
    visit.sign_in(doctor, "portal")
    before = visit.authorize("strict", prompt="login")
    goes_on = visit.authorize("portal", prompt="login")
    switch_user(visit)
    assert visit.step == "identification"
    files.provider.clock.advance(seconds=600)
    assert [_expired(visit, page.url) for page in (goes_on, before)] == [TO_PORTAL, HOME]


@pytest.mark.attack(24)
@pytest.mark.parametrize("how", ["home", "sign-in", "sign-out", "nobody"])
def test_a_form_of_whoever_sat_there_before_is_worth_nothing_and_the_next_pages_own_is(
    provider: Provider, doctor: Someone, how: str
) -> None:
    visit = provider.browser()
    if how != "nobody":
        visit.sign_in(doctor, "open")
    left_open = visit.authorize("open", prompt="login")
    if how == "sign-in":
        switch_user(visit)
    elif how == "sign-out":
        visit.get("/logout")
        visit.submit()
    else:
        visit.post("/switch", {})
    visit.page = left_open
    visit.submit(identifier="x", password="x")
    assert (visit.page.status, visit.page.error) == (400, "expired")
    provider.clock.advance(seconds=30)
    visit.sign_in(doctor, "open")
    visit.get("/logout")
    visit.submit()
    assert (visit.page.url, visit.page.status) == ("/logout/done", 200)


def test_the_cookie_grows_no_further_however_many_sign_ins_a_browser_begins(provider: Provider) -> None:
    visit = provider.browser()
    sizes = []
    for _ in range(8):
        visit.authorize("portal")
        sizes.append(len(cookie(visit, "browser") or ""))
    assert sizes[1] > sizes[0]
    assert max(sizes[3:]) <= sizes[2] + 8, "the signature's text varies by a few characters"
    assert max(sizes) < 600
