"""What the practitioner is told of their assistants: by the notices, and on the profile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.journeys.practice import doctors_browser, filled, listed, rows
from tests.journeys.told import BY_MAIL, told
from tests.profile_api.portal import good, portal
from tests.provider import Provider, Someone, Visit

MAIL = "alice.durand@example.org"


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that tells people by mail."""
    whole = Provider(tmp_path, clock, **BY_MAIL)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    """Give a practitioner with a mail address."""
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})


def _told(provider: Provider) -> list[tuple[str, str, dict[str, str]]]:
    """Return what was told of assistants; the doctor's own sign-in may have told of a new device."""
    return [one for one in told(provider) if one[0].startswith(("assistant_", "phone_"))]


@pytest.mark.parametrize("last", ["", "2026-12-31"])
def test_adding_an_assistant_is_told_with_name_and_days(provider: Provider, visit: Visit, last: str) -> None:
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit, valid_until=last, code="000000"))
    assert _told(provider) == []
    visit.submit(**filled(visit, valid_until=last))
    assert _told(provider) == [
        ("assistant_added", MAIL, {"who": "NAUDIN Fernand", "first": "2026-01-15", "last": last})
    ]


def test_removing_an_assistant_is_told(provider: Provider, assistant: Someone, visit: Visit) -> None:
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    visit.submit(1, remove="1")
    assert _told(provider) == [("assistant_removed", MAIL, {"who": assistant.name})]


def test_a_new_phone_of_an_assistant_is_told(provider: Provider, assistant: Someone, visit: Visit) -> None:
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}/phone")
    visit.submit(code=filled(visit)["code"])
    assert _told(provider) == [("phone_added", MAIL, {"who": assistant.name})]


def test_another_end_is_not_told(provider: Provider, assistant: Someone, visit: Visit) -> None:
    visit.get(f"/profile/assistants/{rows(provider)[0]['id']}")
    visit.submit(valid_until="2026-02-28")
    assert _told(provider) == []


@pytest.mark.parametrize("last", [None, "2026-12-31"])
def test_another_end_that_a_service_gave_is_told_with_its_name(
    provider: Provider, doctor: Someone, last: str | None
) -> None:
    provider.add_assistant(doctor, "NAUDIN Fernand", last=date(2026, 1, 14))
    service = portal(provider, doctor)
    one = service.listed("all")[0]["id"]
    for _again in range(2):
        assert good(service.ask("PATCH", f"/assistants/{one}", {"valid_until": last}))["state"] == "active"
    values = {"who": "NAUDIN Fernand", "last": last or "", "service": "Service managing"}
    assert _told(provider) == [("assistant_changed", MAIL, values)]


def test_the_list_says_whose_time_ends_within_a_fortnight(
    provider: Provider, doctor: Someone, visit: Visit
) -> None:
    for name, last in (
        ("Bientôt", date(2026, 1, 28)),
        ("Aujourd'hui", date(2026, 1, 15)),
        ("Plus tard", date(2026, 1, 30)),
        ("Passé", date(2026, 1, 14)),
        ("Parti", date(2026, 1, 20)),
        ("Toujours", None),
    ):
        provider.add_assistant(doctor, name, last=last)
    provider.remove_assistant(doctor, "Parti")
    soon = {row[0] for row in listed(visit) if row[2].endswith("Se termine bientôt")}
    assert soon == {"Bientôt", "Aujourd&#39;hui"}


def test_nobody_is_told_by_a_provider_without_notifiers(tmp_path: Path, clock: MovableClock) -> None:
    (folder := tmp_path / "silent").mkdir()
    provider = Provider(folder, clock)
    doctor = provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": MAIL})
    visit = doctors_browser(provider, doctor)
    visit.get("/profile/assistants/new")
    visit.submit(**filled(visit))
    assert (len(rows(provider)), told(provider)) == (1, [])
    provider.parts.database.dispose()
