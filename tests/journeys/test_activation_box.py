"""The checkbox *Activer la double authentification* on both sides of its date, and who is obliged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests import provider as harness
from tests.clock import MovableClock
from tests.journeys.story import html
from tests.provider import Provider, Someone, Visit

MIDNIGHT = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
"""The first moment of 01/03/2026 in Europe/Monaco."""

PROFILES = ("health_professional", "insured", "employer")
_BOX = re.compile(r'<input type="checkbox" id="activate_mfa"[^>]*>')


def _box(visit: Visit) -> tuple[bool, bool]:
    """Return whether the box is ticked, and whether it is locked."""
    found = _BOX.search(html(visit))
    assert found is not None
    return " checked" in found[0], " disabled" in found[0]


@pytest.fixture
def provider_with(tmp_path: Path, clock: MovableClock) -> Iterator[Callable[..., Provider]]:
    """Make a provider whose profiles have the policies given."""
    made: list[Provider] = []

    def make(**policies: Any) -> Provider:
        profiles = {name: {"label": name, "mfa": policies.get(name, "optional")} for name in PROFILES}
        made.append(Provider(tmp_path, clock, profiles=profiles))
        return made[0]

    yield make
    made[0].parts.database.dispose()


def test_before_the_date_the_box_is_free_and_says_when_it_will_not_be(
    provider: Provider, newcomer: Someone
) -> None:
    provider.clock.set(MIDNIGHT - timedelta(seconds=1))
    visit = provider.browser()
    page = visit.authorize("portal")
    assert _box(visit) == (False, False)
    assert "Obligatoire à partir du 01/03/2026" in page.text
    visit.identify(newcomer)
    assert "code" in visit.answer


def test_before_the_date_a_ticked_box_leads_to_activation(provider: Provider, newcomer: Someone) -> None:
    provider.clock.set(MIDNIGHT - timedelta(seconds=1))
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(newcomer, activate_mfa="1")
    assert visit.step == "activation"


@pytest.mark.parametrize("seconds", [0, 1])
def test_from_midnight_in_monaco_the_box_is_ticked_and_locked(
    provider: Provider, newcomer: Someone, seconds: int
) -> None:
    provider.clock.set(MIDNIGHT + timedelta(seconds=seconds))
    visit = provider.browser()
    page = visit.authorize("portal")
    assert _box(visit) == (True, True)
    assert "La double authentification est obligatoire depuis le 01/03/2026." in page.text
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_a_page_opened_before_midnight_and_sent_after_it_leads_to_activation(
    provider: Provider, newcomer: Someone
) -> None:
    provider.clock.set(MIDNIGHT - timedelta(seconds=1))
    visit = provider.browser()
    visit.authorize("portal")
    provider.clock.set(MIDNIGHT)
    visit.identify(newcomer)
    assert visit.step == "activation"


@pytest.mark.attack(76)
def test_a_password_session_ends_with_the_eve_of_the_date(provider: Provider, newcomer: Someone) -> None:
    provider.clock.set(MIDNIGHT - timedelta(seconds=1))
    visit = provider.browser()
    visit.sign_in(newcomer, "portal")
    visit.authorize("portal", prompt="none")
    assert "code" in visit.answer
    provider.clock.set(MIDNIGHT)
    visit.authorize("portal", prompt="none")
    assert visit.answer["error"] == "login_required"
    visit.authorize("portal")
    assert visit.step == "activation"


def test_without_any_policy_the_box_is_free_and_names_no_date(provider: Provider) -> None:
    visit = provider.browser()
    page = visit.authorize("open")
    assert _box(visit) == (False, False)
    assert "Obligatoire à partir" not in page.text


def test_an_untouched_box_stays_as_it_was_after_a_wrong_password(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("open")
    visit.submit(identifier=newcomer.identifier, password="13572468", activate_mfa="1")
    assert _box(visit) == (True, False)


def test_a_service_whose_floor_is_two_factors_locks_the_box_at_any_date(
    provider: Provider, newcomer: Someone
) -> None:
    visit = provider.browser()
    visit.authorize("strict")
    assert _box(visit) == (True, True)
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_a_service_whose_policy_is_required_locks_the_box(
    provider_with: Callable[..., Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, Any]", harness.CLIENTS), "obliged", {"mfa": "required"})
    provider = provider_with()
    newcomer = provider.add("408462", "MARTIN Paul")
    visit = provider.browser()
    visit.authorize("obliged")
    assert _box(visit) == (True, True)
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_a_request_for_two_factors_locks_the_box(provider: Provider, newcomer: Someone) -> None:
    visit = provider.browser()
    visit.authorize("open", acr_values="mfa")
    assert _box(visit) == (True, True)
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_the_profile_that_obliges_earlier_than_the_service_wins(
    provider_with: Callable[..., Provider],
) -> None:
    provider = provider_with(health_professional={"required_from": "2026-02-01"})
    newcomer = provider.add("408462", "MARTIN Paul")
    visit = provider.browser()
    assert "Obligatoire à partir du 01/02/2026" in visit.authorize("portal").text
    provider.clock.set(datetime(2026, 1, 31, 23, 0, tzinfo=UTC))
    visit.authorize("portal")
    assert _box(visit) == (True, True)
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_the_service_that_obliges_earlier_than_the_profile_wins(
    provider_with: Callable[..., Provider],
) -> None:
    provider = provider_with(health_professional={"required_from": "2026-06-01"})
    newcomer = provider.add("408462", "MARTIN Paul")
    provider.clock.set(MIDNIGHT)
    visit = provider.browser()
    visit.authorize("portal")
    visit.identify(newcomer)
    assert visit.step == "activation"


def test_an_obliged_profile_activates_where_others_may_leave_the_box_free(
    provider_with: Callable[..., Provider],
) -> None:
    provider = provider_with(health_professional="required")
    doctor = provider.add("408462", "MARTIN Paul")
    insured = provider.add("2001234", "ROSSI Carla", "insured")
    visit = provider.browser()
    visit.authorize("open")
    assert _box(visit) == (False, False)
    visit.identify(doctor)
    assert visit.step == "activation"
    other = provider.browser()
    other.sign_in(insured, "open")
