"""How far off the day is, on the identification page and on Profil; the slides' words stay whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.story import activate
from tests.provider import Provider, Someone

WORDS = "Obligatoire à partir du 01/03/2026"
MIDNIGHT = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
"""The first moment of 01/03/2026 in Europe/Monaco."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (datetime(2026, 1, 13, 9, tzinfo=UTC), "dans 47 jours"),
        (MIDNIGHT - DAY - SECOND, "dans 2 jours"),
        (MIDNIGHT - DAY, "demain"),
        (MIDNIGHT - SECOND, "demain"),
    ],
)
def test_the_box_says_how_many_days_are_left(provider: Provider, now: datetime, left: str) -> None:
    provider.clock.set(now)
    assert f"{WORDS} ({left})" in provider.browser().authorize("portal").text


def test_a_service_without_a_day_counts_none_down(provider: Provider) -> None:
    text = provider.browser().authorize("open").text
    assert "Obligatoire à partir" not in text
    assert "jours" not in text


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (MIDNIGHT - 2 * DAY, f"{WORDS} (dans 2 jours)"),
        (MIDNIGHT - SECOND, f"{WORDS} (demain)"),
        (MIDNIGHT, f"{WORDS} (aujourd'hui)"),
        (MIDNIGHT + DAY, "La double authentification est obligatoire depuis le 01/03/2026."),
    ],
)
def test_the_profile_of_somebody_not_activated_says_it_beside_the_button(
    provider: Provider, newcomer: Someone, now: datetime, told: str
) -> None:
    provider.clock.set(now)
    visit = provider.browser()
    visit.authorize("open")
    visit.identify(newcomer)
    assert told in visit.get("/profile").text
    visit.submit()
    assert visit.step == "activation"


def test_somebody_activated_is_told_no_day(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize("open")
    visit.identify(newcomer, activate_mfa="1")
    activate(visit, newcomer)
    assert "01/03/2026" not in visit.get("/profile").text


def test_somebody_whom_nobody_obliges_is_told_no_day(provider: Provider) -> None:
    insured = provider.add("A1", "ROSSI Carla", "employer")
    visit = provider.browser()
    visit.authorize("open")
    visit.identify(insured)
    page = visit.get("/profile")
    assert "Double authentification activée" in page.text
    assert "bligatoire" not in page.text
