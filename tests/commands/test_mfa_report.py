"""``idp mfa report``: who has activated, who would be stopped on the day, in three forms."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from idp.accounts import readiness
from idp.accounts.identifier import new_id
from idp.storage.schema import account, person
from tests.commands.conftest import Idp
from tests.provider import START, Provider

DAY = "2026-03-01"
DOCTORS = "health_professional"


@pytest.fixture(autouse=True)
def people(provider: Provider) -> None:
    """Give two doctors activated, one of them disabled, three who are not, and an insured person."""
    provider.add("408461", "LEROUX Ariane", mfa=True)
    provider.disable(provider.add("408462", "GONE Away", mfa=True))
    provider.disable(provider.add("408463", "GONE Before"))
    provider.add("408464", "MARTIN Paul", attributes={"email": "paul@example.org"})
    provider.add("408465", "=cmd()", attributes={"phone_number": "+37799000000"})
    provider.add("408466", "NO Contact", attributes={"email": ""})
    provider.add("A1", "ROSSI Carla", "insured")


def told(idp: Idp, *arguments: str, **variables: str) -> str:
    shown = idp("mfa", "report", *arguments, **variables)
    assert (shown.exit_code, shown.stderr) == (0, ""), shown.output
    return shown.stdout


def line_of(report: dict[str, Any], profile: str) -> dict[str, Any]:
    return next(line for line in report["profiles"] if line["profile"] == profile)


def test_it_counts_by_profile_and_says_who_is_stopped_on_the_day(idp: Idp) -> None:
    report = json.loads(told(idp, "--format", "json", "--on", DAY))
    doctors = line_of(report, DOCTORS)
    assert {name: doctors[name] for name in report["total"]} == {
        "accounts": 4,
        "activated": 1,
        "not_activated": 3,
        "never_signed_in": 4,
        "stopped": 3,
    }
    insured = line_of(report, "insured")
    assert (insured["accounts"], insured["not_activated"], insured["stopped"]) == (1, 1, 0)
    assert report["total"]["accounts"] == 5
    assert report["total"]["stopped"] == 3
    assert {"from": DAY, "service": "portal"} in doctors["obligatory"]
    assert {"from": "always", "service": "strict"} in doctors["obligatory"]
    assert DAY not in str(insured["obligatory"])


def test_on_the_eve_nobody_is_stopped(idp: Idp) -> None:
    report = json.loads(told(idp, "--format", "json", "--on", "2026-02-28"))
    assert report["total"]["stopped"] == 0
    assert told(idp, "--list", "--on", "2026-02-28") == ""


def test_the_settings_policy_of_a_profile_counts_too(idp: Idp) -> None:
    obliged = '{"insured": {"label": "Assuré", "mfa": {"required_from": "2027-01-01"}}}'
    report = json.loads(told(idp, "--format", "json", "--on", "2027-01-01", IDP_PROFILES=obliged))
    assert line_of(report, "insured")["stopped"] == 1
    assert {"from": "2027-01-01", "service": None} in line_of(report, "insured")["obligatory"]


def test_a_profile_that_the_settings_no_longer_have_is_counted_and_obliged_nowhere(
    idp: Idp, provider: Provider
) -> None:
    provider.add("C1", "OLD Account", "retired")
    line = line_of(json.loads(told(idp, "--format", "json", "--on", DAY)), "retired")
    assert (line["accounts"], line["stopped"], line["obligatory"]) == (1, 0, [])


@pytest.mark.parametrize(
    ("now", "on", "left"),
    [
        (datetime(2026, 1, 13, 9, tzinfo=UTC), DAY, 47),
        (datetime(2026, 2, 28, 22, 59, tzinfo=UTC), DAY, 1),
        (datetime(2026, 2, 28, 23, 30, tzinfo=UTC), DAY, 0),
        (datetime(2026, 3, 20, 9, tzinfo=UTC), "2026-03-20", 0),
    ],
)
def test_without_a_day_it_asks_about_the_next_that_is_named(
    idp: Idp, tmp_path: Path, now: datetime, on: str, left: int
) -> None:
    shift = tmp_path / "shift"
    shift.write_text(str((now - datetime.now(UTC)).total_seconds()))
    report = json.loads(told(idp, "--format", "json", IDP_CLOCK_SHIFT_FILE=str(shift)))
    assert (report["on"], report["days_left"]) == (on, left)


def test_who_signed_in_is_no_longer_never_seen(idp: Idp, provider: Provider) -> None:
    doctor = provider.add("408470", "DURAND Alice", mfa=True)
    before = json.loads(told(idp, "--format", "json"))["total"]
    provider.browser().sign_in(doctor)
    after = json.loads(told(idp, "--format", "json"))["total"]
    assert after["never_signed_in"] == before["never_signed_in"] - 1


def test_an_assistant_who_signed_in_is_not_the_holder(idp: Idp, provider: Provider) -> None:
    doctor = provider.add("408470", "DURAND Alice", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    before = json.loads(told(idp, "--format", "json"))["total"]["never_signed_in"]
    provider.browser().sign_in(assistant)
    assert json.loads(told(idp, "--format", "json"))["total"]["never_signed_in"] == before


def test_the_table_has_the_sums_of_everybody(idp: Idp) -> None:
    table = told(idp, "--on", DAY)
    assert f"on {DAY}," in table
    (line,) = (line for line in table.splitlines() if "total" in line)
    assert [cell.strip() for cell in line.strip("│┃ ").split("│")[:6]] == ["total", "5", "1", "4", "5", "3"]


def test_the_csv_has_one_line_a_profile(idp: Idp) -> None:
    rows = list(csv.DictReader(io.StringIO(told(idp, "--format", "csv", "--on", DAY))))
    assert [row["profile"] for row in rows] == [DOCTORS, "insured", "employer"]
    assert (rows[0]["on"], rows[0]["stopped"], rows[0]["accounts"]) == (DAY, "3", "4")
    assert "2026-03-01 portal" in rows[0]["obligatory"]


def test_the_list_names_who_would_be_stopped_and_whether_they_can_be_told(idp: Idp) -> None:
    lines = [json.loads(line) for line in told(idp, "--list", "--format", "json", "--on", DAY).splitlines()]
    assert [(line["identifier"], line["contact"]) for line in lines] == [
        ("408464", True),
        ("408465", True),
        ("408466", False),
    ]
    table = told(idp, "--list", "--on", DAY).splitlines()
    assert [line.split()[0] for line in table] == ["408464", "408465", "408466"]
    assert ["no contact" in line for line in table] == [False, False, True]


def test_a_name_that_a_spreadsheet_would_compute_is_made_harmless(idp: Idp) -> None:
    rows = list(csv.DictReader(io.StringIO(told(idp, "--list", "--format", "csv", "--on", DAY))))
    assert [row["name"] for row in rows] == ["MARTIN Paul", "'=cmd()", "NO Contact"]


def test_thousands_are_read_a_page_at_a_time(idp: Idp, provider: Provider) -> None:
    number = 2 * readiness.PAGE + 1
    people = [
        {"id": new_id(), "name": f"Person {place}", "attributes": {}, "created_at": START}
        for place in range(number)
    ]
    accounts = [
        {
            "id": new_id(),
            "person_id": one["id"],
            "identifier": f"b{place:07}",
            "profile": "employer",
            "password": "!",
            "created_at": START,
        }
        for place, one in enumerate(people)
    ]
    with provider.parts.database.write() as connection:
        connection.execute(insert(person), people)
        connection.execute(insert(account), accounts)
    report = json.loads(told(idp, "--format", "json"))
    assert line_of(report, "employer")["accounts"] == number
    sizes = []
    with provider.parts.database.read() as connection:
        event.listen(connection, "after_execute", lambda *given: sizes.append(given[-1]))
        after = ""
        while found := readiness.page(connection, after):
            assert len(found) <= readiness.PAGE
            after = found[-1].identifier
    assert len(sizes) == 4


@pytest.mark.parametrize("arguments", [("--on", "01/03/2026"), ("--format", "xml")])
def test_what_cannot_be_asked_is_refused(idp: Idp, arguments: tuple[str, str]) -> None:
    assert idp("mfa", "report", *arguments).exit_code == 2


def test_there_is_no_report_before_the_tables_are_there(idp: Idp, elsewhere: dict[str, str]) -> None:
    refused = idp("mfa", "report", **elsewhere)
    assert (refused.exit_code, refused.output) == (1, "database: `idp db upgrade` is expected first\n")


def test_a_day_far_away_is_still_a_day(idp: Idp) -> None:
    in_ten_years = (datetime.now(UTC) + timedelta(days=3650)).date()
    assert f"on {in_ten_years}, in 36" in told(idp, "--on", in_ten_years.isoformat())
