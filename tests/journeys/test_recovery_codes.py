"""The recovery codes: seen once after the activation, made anew on the profile, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from idp.storage.schema import ephemeral
from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser
from tests.journeys.story import audit_lines, code_of, codes_shown, cookie, html, twin
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone, Visit


@pytest.fixture
def shown(provider: Provider, newcomer: Someone) -> Visit:
    """Give a browser at the page of recovery codes, just after the activation."""
    return _at_codes(provider, newcomer)


def _at_codes(provider: Provider, who: Someone, client_id: str = "open") -> Visit:
    visit = provider.browser()
    visit.authorize(client_id)
    visit.identify(who, activate_mfa="1")
    assert visit.page.secret is not None
    visit.submit(code=code_of(visit.page.secret, provider.clock))
    assert visit.step == "recovery-codes"
    return visit


def test_ten_codes_stand_between_the_activation_and_the_service_and_the_form_as_it_stands_goes_on(
    provider: Provider, shown: Visit
) -> None:
    codes = codes_shown(shown)
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", code) for code in codes)
    assert "Ils ne s'afficheront plus" in shown.page.text
    assert cookie(shown, "session") is None
    shown.submit()
    tokens = provider.redeem(shown.answer["code"]).get_json()
    assert provider.claims(tokens["id_token"])["amr"] == ["pwd", "otp", "mfa"]


def test_an_insured_person_gets_codes_too_and_hears_nothing_of_assistants(
    provider: Provider, insured: Someone
) -> None:
    visit = _at_codes(provider, insured)
    assert len(codes_shown(visit)) == 10
    assert "assistant" not in visit.page.text


def test_loading_the_page_again_shows_the_same_and_after_it_was_left_nothing(shown: Visit) -> None:
    address, codes = shown.page.url, codes_shown(shown)
    for path in (address, address.replace("/recovery-codes", "/activation")):
        shown.get(path)
        assert codes_shown(shown) == codes
    shown.submit()
    for path in (
        address,
        f"{address}.txt",
        "/profile",
        "/profile/recovery-codes",
        "/profile/recovery-codes/fresh",
    ):
        shown.get(path)
        assert not any(code in html(shown) for code in codes)
    assert shown.get(address).error == "expired"


def test_the_codes_are_downloaded_as_text_without_the_identifier(shown: Visit, newcomer: Someone) -> None:
    codes, address = codes_shown(shown), shown.page.url
    shown.get(f"{address}.txt")
    assert shown.response is not None
    assert shown.response.content_type == "text/plain; charset=utf-8"
    assert shown.response.headers["Content-Disposition"] == 'attachment; filename="codes-de-recuperation.txt"'
    assert shown.response.headers["Cache-Control"] == "no-store"
    assert shown.response.headers["X-Content-Type-Options"] == "nosniff"
    assert [line for line in shown.response.text.splitlines() if line in codes] == codes
    assert "15/01/2026" in shown.response.text
    assert newcomer.identifier not in shown.response.text
    shown.get(address)
    assert codes_shown(shown) == codes


def test_the_page_and_the_file_are_kept_by_nobody_and_no_field_or_address_holds_a_code(shown: Visit) -> None:
    assert shown.response is not None
    assert shown.response.headers["Cache-Control"] == "no-store"
    codes = codes_shown(shown)
    parts = [*re.findall(r"<(?:input|button|a)[^>]*>", html(shown)), shown.page.url]
    assert not [part for part in parts for code in codes if code in part]


@pytest.mark.attack(23)
@pytest.mark.parametrize("path", ["", ".txt"])
def test_another_browser_sees_no_code(provider: Provider, shown: Visit, path: str) -> None:
    thief = provider.browser()
    thief.get("/")
    assert thief.get(f"{shown.page.url}{path}").error == "expired"


@pytest.mark.attack(27)
@pytest.mark.parametrize("path", ["", ".txt"])
def test_without_the_cookie_of_the_last_proof_no_code_is_shown(shown: Visit, path: str) -> None:
    codes, address = codes_shown(shown), shown.page.url
    shown.client.delete_cookie("__Host-idp_proof", domain="idp.test")
    shown.get(f"{address}{path}")
    assert shown.step == "identification"
    assert not any(code in html(shown) for code in codes)


def test_before_the_activation_there_is_no_such_page(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize()
    visit.identify(newcomer, activate_mfa="1")
    for path in ("/recovery-codes", "/recovery-codes.txt"):
        visit.get(visit.page.url.replace("/activation", path))
        assert visit.step == "activation"


def test_leaving_the_page_twice_at_once_lets_in_once(shown: Visit) -> None:
    other = twin(shown)
    shown.submit()
    assert "code" in shown.answer
    other.submit()
    assert other.page.error == "expired"


def test_codes_that_were_lost_on_the_way_hold_nobody_up(provider: Provider, shown: Visit) -> None:
    [key] = [key for key in _kept(provider) if key.startswith("kept:codes:")]
    provider.parts.ephemeral.delete(key)
    shown.get(shown.page.url)
    assert "code" in shown.answer


def test_a_later_sign_in_shows_none(provider: Provider, doctor: Someone, assistant: Someone) -> None:
    for who in (doctor, assistant):
        visit = provider.browser()
        visit.authorize()
        visit.identify(who)
        visit.enter_code(who)
        assert "code" in visit.answer


def test_the_profile_counts_the_codes_left_and_makes_others(provider: Provider, shown: Visit) -> None:
    old = codes_shown(shown)
    shown.submit()
    shown.get("/profile")
    assert "10 codes restants" in shown.page.text
    shown.get("/profile/recovery-codes")
    assert "Il vous reste 10 codes de récupération" in shown.page.text
    shown.submit()
    assert shown.page.url == "/profile/recovery-codes/fresh"
    fresh = codes_shown(shown)
    assert len(set(fresh) - set(old)) == 10
    assert "Vos anciens codes ne valent plus rien" in shown.page.text
    shown.get("/profile/recovery-codes/fresh.txt")
    assert [line for line in html(shown).splitlines() if line in fresh] == fresh
    shown.get("/profile/recovery-codes/fresh")
    assert codes_shown(shown) == fresh
    shown.submit()
    assert shown.page.url == "/profile"
    for path in ("/profile/recovery-codes/fresh", "/profile/recovery-codes/fresh.txt"):
        shown.get(path)
        assert shown.page.url == "/profile/recovery-codes"
    made = [line for line in audit_lines(provider) if line["kind"] == "recovery.codes_made"]
    assert len(made) == 2
    assert not any(code in str(made) for code in [*old, *fresh])


def test_fresh_recovery_codes_are_told(tmp_path: Path, clock: MovableClock) -> None:
    provider = Provider(tmp_path, clock, **BY_MAIL)
    mail = "alice.durand@example.org"
    doctor = provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": mail})
    visit = doctors_browser(provider, doctor)
    before = told(provider)
    visit.get("/profile/recovery-codes")
    assert told(provider) == before
    visit.submit()
    assert told(provider)[len(before) :] == [("recovery_renewed", mail, {})]
    provider.parts.database.dispose()


def test_annuler_makes_no_codes(provider: Provider, doctor: Someone, visit: Visit) -> None:
    visit.get("/profile/recovery-codes")
    assert "Vous n'avez aucun code de récupération." in visit.page.text
    visit.submit(cancel="1")
    assert visit.page.url == "/profile"
    assert not provider.audited("recovery.codes_made")


def test_another_session_of_the_same_doctor_does_not_see_the_fresh_codes(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    provider.clock.advance(seconds=30)
    other = doctors_browser(provider, doctor)
    visit.get("/profile/recovery-codes")
    visit.submit()
    assert codes_shown(visit)
    other.get("/profile/recovery-codes/fresh")
    assert other.page.url == "/profile/recovery-codes"


FACTOR_PAGES = [
    ("GET", "/profile/phone"),
    ("POST", "/profile/phone"),
    ("GET", "/profile/recovery-codes"),
    ("POST", "/profile/recovery-codes"),
    ("GET", "/profile/recovery-codes/fresh"),
    ("POST", "/profile/recovery-codes/fresh"),
    ("GET", "/profile/recovery-codes/fresh.txt"),
]


def _reach(visit: Visit, method: str, path: str) -> None:
    visit.get("/")
    visit.get(path) if method == "GET" else visit.post(path, {})


@pytest.mark.attack(12)
@pytest.mark.parametrize(("method", "path"), FACTOR_PAGES)
def test_a_password_session_changes_no_factor_and_is_stepped_up(
    provider: Provider, newcomer: Someone, method: str, path: str
) -> None:
    visit = provider.browser()
    visit.sign_in(newcomer)
    _reach(visit, method, path)
    assert (visit.page.status, visit.page.error) == (403, "insufficient_user_authentication")
    assert provider.audited("managing.denied")[-1]["detail"]["why"] == "insufficient_user_authentication"
    visit.submit()
    assert visit.step == "activation"


@pytest.mark.attack(12)
@pytest.mark.parametrize(("method", "path"), FACTOR_PAGES)
def test_factors_shown_long_ago_change_no_factor(
    provider: Provider, visit: Visit, method: str, path: str
) -> None:
    provider.clock.advance(seconds=901)
    _reach(visit, method, path)
    assert (visit.page.status, visit.page.error) == (403, "insufficient_user_authentication")
    visit.submit()
    assert visit.step == "identification"


@pytest.mark.attack(61)
@pytest.mark.attack(55)
@pytest.mark.parametrize(("method", "path"), FACTOR_PAGES)
def test_an_assistant_reaches_nothing_of_the_doctors_factors(
    provider: Provider, assistant: Someone, method: str, path: str
) -> None:
    visit = provider.browser()
    visit.sign_in(assistant)
    _reach(visit, method, path)
    assert (visit.page.status, visit.page.error) == (403, "insufficient_scope")


def test_an_insured_person_with_a_phone_manages_their_own_factors(provider: Provider) -> None:
    someone = provider.add("2001235", "BIANCHI Luca", "insured", mfa=True)
    visit = doctors_browser(provider, someone)
    for path in ("/profile/phone", "/profile/recovery-codes"):
        assert visit.get(path).status == 200


def test_an_expired_page_of_codes_leads_to_a_clear_page(provider: Provider, shown: Visit) -> None:
    provider.clock.advance(seconds=600)
    shown.submit()
    assert shown.page.error == "expired"


def test_another_process_shows_the_same_codes(
    provider: Provider, shown: Visit, elsewhere: Callable[[], Visit]
) -> None:
    there = elsewhere()
    for purpose in ("browser", "proof"):
        value = cookie(shown, purpose)
        assert value is not None
        there.client.set_cookie(f"__Host-idp_{purpose}", value, domain="idp.test", secure=True)
    there.get(shown.page.url)
    assert codes_shown(there) == codes_shown(shown)


def _kept(provider: Provider) -> list[str]:
    with provider.parts.database.read() as connection:
        return list(connection.execute(select(ephemeral.c.key)).scalars())
