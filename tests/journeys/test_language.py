"""A language is chosen once, by a link, a service or the browser, and stays through every page that follows."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from idp.languages import written_moment
from idp.rules.assurance import FUND_ZONE
from tests.clock import MovableClock
from tests.provider import ISSUER, Provider, Someone, Visit, authorization_request


def language(visit: Visit) -> str:
    """The language that the page shown says it is in."""
    assert visit.response is not None
    found: list[str] = re.findall(r'<html lang="([^"]*)">', visit.response.text)
    return "".join(found)


def link(visit: Visit, name: str) -> str:
    """The address behind the link to another language."""
    return next(address for text, address in visit.page.links if text == name)


def speaking(provider: Provider, languages: str) -> Visit:
    """A browser that asks for languages by its header."""
    visit = provider.browser()
    visit.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = languages
    return visit


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    return provider.add("408461", "HKLOMTZULT Fifqoe", mfa=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_language_that_a_service_asks_for_lasts_through_the_sign_in_and_after(
    provider: Provider, doctor: Someone, method: str
) -> None:
    visit = speaking(provider, "fr")
    if method == "GET":
        visit.authorize(ui_locales="it")
    else:
        visit.post("/oauth2/authorize", {**authorization_request("open"), "ui_locales": "it"})
    assert (visit.step, language(visit)) == ("identification", "it")
    visit.submit(identifier=doctor.identifier, password="wrong")
    assert language(visit) == "it"
    assert "Identificativo o password errati" in visit.page.text
    visit.identify(doctor)
    assert (visit.step, language(visit)) == ("code", "it")
    visit.submit(code="12")
    assert "Inserisca le sei cifre mostrate dalla Sua app." in visit.page.text
    visit.enter_code(doctor)
    assert visit.left_for is not None
    assert "Elenco degli assistenti" in visit.get("/profile").text


def test_a_link_changes_the_language_of_the_page_under_way_and_of_those_that_follow(
    provider: Provider, doctor: Someone
) -> None:
    visit = speaking(provider, "fr")
    visit.authorize()
    assert language(visit) == "fr"
    visit.submit(identifier=doctor.identifier, password="wrong")
    here = visit.page.url
    visit.get(here + link(visit, "English"))
    assert (visit.step, language(visit)) == ("identification", "en")
    assert "Sign in" in visit.page.text
    visit.identify(doctor)
    assert (visit.step, language(visit)) == ("code", "en")
    visit.get(visit.page.url + link(visit, "Français"))
    assert (visit.step, language(visit)) == ("code", "fr")
    visit.get("/")
    assert language(visit) == "fr"


def test_asked_goes_before_kept_and_kept_before_the_browsers_own(provider: Provider) -> None:
    visit = speaking(provider, "it-IT,fr;q=0.5")
    visit.get("/")
    assert language(visit) == "it"
    visit.get("/?ui_locales=en")
    visit.get("/")
    assert language(visit) == "en"
    visit.get("/?ui_locales=fr")
    assert language(visit) == "fr"


@pytest.mark.parametrize("accepted", ["de,it;q=0,en;q=0.1", "en-US", "EN"])
def test_a_language_that_the_browser_refuses_is_not_spoken(provider: Provider, accepted: str) -> None:
    visit = speaking(provider, accepted)
    visit.get("/")
    assert language(visit) == "en"


@pytest.mark.parametrize("garbage", ["xx", "fr_FR.UTF-8@euro", "", "%00", "-", "z" * 4000, "🙂", "it_"])
def test_a_language_that_nobody_speaks_changes_nothing(provider: Provider, garbage: str) -> None:
    visit = speaking(provider, "fr")
    visit.get("/?ui_locales=en")
    visit.get(f"/?ui_locales={garbage}")
    assert (visit.page.status, language(visit)) == (200, "en")
    visit.get("/")
    assert language(visit) == "en"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("fr", "Obligatoire à partir du 01/03/2026"),
        ("en", "Mandatory from 1 March 2026"),
        ("it", "Obbligatoria a partire dal 1 marzo 2026"),
    ],
)
def test_a_day_is_written_as_the_language_writes_it(provider: Provider, asked: str, sentence: str) -> None:
    visit = provider.browser()
    visit.authorize("portal", ui_locales=asked)
    assert sentence in visit.page.text


@pytest.mark.parametrize(
    ("asked", "this_year", "with_year"),
    [
        ("fr", "03/01 09:05", "03/01/2026 09:05"),
        ("en", "3 Jan 09:05", "3 Jan 2026 09:05"),
        ("it", "3 gen 09:05", "3 gen 2026 09:05"),
    ],
)
def test_a_moment_is_written_as_the_language_writes_it(asked: str, this_year: str, with_year: str) -> None:
    there = datetime(2026, 1, 3, 9, 5, tzinfo=FUND_ZONE)
    assert written_moment(there, asked, year=False) == this_year
    assert written_moment(there, asked, year=True) == with_year


def test_a_choice_is_one_browsers_alone(provider: Provider) -> None:
    provider.browser().get("/?ui_locales=it")
    other = provider.browser()
    other.get("/")
    assert language(other) == "fr"


def test_error_pages_speak_the_language_too(provider: Provider) -> None:
    visit = provider.browser()
    visit.get("/nowhere?ui_locales=it")
    assert (visit.page.status, language(visit)) == (404, "it")
    assert "Pagina non trovata" in visit.page.text
    visit.get("/signin/unknown/code")
    assert "Questa pagina non è più valida" in visit.page.text
    visit.post("/", {"csrf_token": "forged"})
    assert (visit.page.status, visit.page.error) == (400, "expired")
    assert "Questo modulo non è più valido" in visit.page.text
    visit.authorize(client_id="nobody")
    assert "Questo servizio non è riconosciuto" in visit.page.text


def test_where_nothing_can_be_opened_again_the_link_leads_to_the_front_door(provider: Provider) -> None:
    visit = provider.browser()
    visit.post("/switch", {"csrf_token": "forged"})
    assert link(visit, "English") == "/?ui_locales=en"
    assert visit.get(link(visit, "English")).status == 200


def test_where_another_view_answers_the_form_the_link_still_leads_to_its_page(
    provider: Provider, doctor: Someone
) -> None:
    visit = provider.browser()
    visit.sign_in(doctor)
    visit.get("/profile/phone")
    visit.submit(code="")
    assert visit.page.status == 422
    visit.get(visit.page.url + link(visit, "Italiano"))
    assert (visit.page.status, language(visit)) == (200, "it")
    assert "Registrare un nuovo telefono" in visit.page.text


def test_a_form_too_large_is_an_error_page_whatever_language_it_asks_for(provider: Provider) -> None:
    visit = speaking(provider, "en")
    visit.post("/", {"ui_locales": "it", "filler": "x" * 100_000})
    assert (visit.page.status, language(visit)) == (413, "en")


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/oauth2/jwks", "/healthz", "/static/idp.css"]
)
def test_what_is_no_page_keeps_no_language(provider: Provider, path: str) -> None:
    answer = provider.http().get(f"{path}?ui_locales=it", base_url=ISSUER)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_the_labels_of_the_profiles_are_translated_and_an_operators_own_stands_as_it_is(
    tmp_path: Path, clock: MovableClock
) -> None:
    labels = {"insured": "Assuré", "employer": "50 % employeur"}
    profiles = {name: {"label": label, "mfa": "optional"} for name, label in labels.items()}
    folder = tmp_path / "own"
    folder.mkdir()
    provider = Provider(
        folder, clock, profiles={**profiles, "health_professional": {"label": "Soignant", "mfa": "optional"}}
    )
    shown = provider.browser().get("/?ui_locales=it").text
    assert "Assicurato" in shown
    assert "50 % employeur" in shown
    provider.parts.database.dispose()
