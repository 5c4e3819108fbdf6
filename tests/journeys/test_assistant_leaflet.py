"""The leaflet for an assistant: what to do, and nothing that must not lie about on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser, filled
from tests.journeys.story import html
from tests.provider import Provider, Someone, Visit

LEAFLET = "/profile/assistants/leaflet"


def test_it_says_what_to_install_and_type_and_holds_no_secret(
    provider: Provider, doctor: Someone, assistant: Someone, visit: Visit
) -> None:
    text = visit.get(LEAFLET).text
    assert doctor.identifier in text
    assert doctor.name in text
    for told in (
        "Microsoft Authenticator ou Google Authenticator",
        "le mot de passe du cabinet",
        "Vous agissez",
    ):
        assert told in text
    assert "votre propre mot de passe" not in text
    for secret in (doctor.password, doctor.secret, assistant.secret):
        assert secret is not None
        assert secret not in html(visit)


def test_it_is_linked_from_the_list_and_once_from_the_confirmation(visit: Visit) -> None:
    visit.get("/profile")
    assert html(visit).count(LEAFLET) == 1
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit))
    assert html(visit).count(LEAFLET) == 2
    visit.get("/profile")
    assert html(visit).count(LEAFLET) == 1


def test_with_own_passwords_it_tells_of_the_first_sign_in(tmp_path: Path, clock: MovableClock) -> None:
    provider = Provider(tmp_path, clock, assistants_sign_in="own_password")
    visit = doctors_browser(provider, provider.add("408461", "DURAND Alice", mfa=True))
    text = visit.get(LEAFLET).text
    assert "Choisissez alors votre propre mot de passe" in text
    provider.parts.database.dispose()


@pytest.mark.attack(55)
def test_it_is_no_assistants_nor_an_insured_persons(
    provider: Provider, assistant: Someone, insured: Someone
) -> None:
    theirs = provider.browser()
    theirs.sign_in(assistant)
    assert theirs.get(LEAFLET).status == 403
    other = provider.browser()
    other.sign_in(insured)
    assert other.get(LEAFLET).status == 404


def test_who_is_not_signed_in_identifies_themselves_first(provider: Provider, doctor: Someone) -> None:
    visit = provider.browser()
    visit.get(LEAFLET)
    assert visit.step == "identification"
    visit.identify(doctor)
    visit.enter_code(doctor)
    assert visit.page.url == LEAFLET
