"""``idp assistants``: the desk ends an assistant's access sooner or removes them, and never lets anybody in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from idp.rules.assurance import FUND_ZONE
from tests.commands.conftest import Idp
from tests.journeys.told import BY_MAIL, told
from tests.provider import Provider, Someone

WHY = ("--reason", "the doctor called, knew the last three acts")
MAIL = {"IDP_PLUGINS": json.dumps(BY_MAIL["plugins"]), "IDP_SMTP": json.dumps(BY_MAIL["smtp"])}
TODAY = datetime.now(FUND_ZONE).date()
"""The command lives by the machine's clock."""


@pytest.fixture
def doctor(provider: Provider) -> Someone:
    provider.clock.set(datetime.now(UTC))
    return provider.add("408461", "DURAND Alice", mfa=True, attributes={"email": "alice@example.org"})


@pytest.fixture
def assistant(provider: Provider, doctor: Someone) -> Someone:
    return provider.add_assistant(doctor, "NAUDIN Fernand", last=TODAY + timedelta(days=60))


def listed(idp: Idp) -> list[dict[str, Any]]:
    shown = idp("assistants", "list", "408461", "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    return list(json.loads(shown.stdout)["assistants"])


def delegation(idp: Idp) -> str:
    return str(listed(idp)[0]["delegation"])


def refresh_token(provider: Provider, who: Someone) -> str:
    return str(provider.redeem(provider.browser().sign_in(who)).get_json()["refresh_token"])


def test_everybody_is_listed_with_their_state_and_last_sign_in(
    idp: Idp, provider: Provider, doctor: Someone, assistant: Someone
) -> None:
    provider.add_assistant(doctor, "ANCIEN Luc")
    provider.remove_assistant(doctor, "ANCIEN Luc")
    provider.add_assistant(doctor, "FINI Zoé", last=date(2025, 12, 31))
    provider.add_assistant(doctor, "FUTUR Ugo", first=TODAY + timedelta(days=3))
    refresh_token(provider, assistant)
    found = {one["name"]: one for one in listed(idp)}
    assert {name: one["state"] for name, one in found.items()} == {
        "NAUDIN Fernand": "active",
        "ANCIEN Luc": "removed",
        "FINI Zoé": "over",
        "FUTUR Ugo": "to come",
    }
    assert found["NAUDIN Fernand"]["last_service"] == "Service open"
    assert found["NAUDIN Fernand"]["last_signed_in"].startswith(TODAY.isoformat()[:8])
    assert found["FINI Zoé"]["valid_until"] == "2025-12-31"
    words = idp("assistants", "list", "408461")
    assert words.stderr == "assistants of DURAND Alice: 4\n"
    line = f"{found['FINI Zoé']['delegation']}  over      2025-12-03  2025-12-31  FINI Zoé\n"
    assert line in words.stdout
    assert "to Service open\n" in words.stdout
    assert assistant.secret is not None
    assert assistant.secret not in words.stdout


def test_who_is_removed_is_out_and_the_doctor_is_told(
    idp: Idp, provider: Provider, assistant: Someone
) -> None:
    token, known = refresh_token(provider, assistant), delegation(idp)
    done = idp("assistants", "remove", "408461", known, *WHY, "--json", **MAIL)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {
        "identifier": "408461",
        "delegation": known,
        "name": "NAUDIN Fernand",
        "removed": True,
    }
    assert done.stderr == "removed at once: NAUDIN Fernand, of DURAND Alice\n"
    assert provider.refresh(token).status_code == 400
    [line] = provider.audited("assistant.removed")
    assert line["detail"] == {"delegation": known, "by": "support", "reason": WHY[1]}
    values = {"who": "NAUDIN Fernand"}
    assert told(provider) == [("assistant_removed_by_support", "alice@example.org", values)]
    exported = json.loads(idp("privacy", "export", "408461").stdout)
    [row] = exported["delegation"]
    assert row["removed_at"] is not None
    assert row["removed_by"] is None
    again = idp("assistants", "remove", "408461", known, *WHY)
    assert (again.exit_code, len(provider.audited("assistant.removed"))) == (2, 1)
    assert "NAUDIN Fernand is removed already" in again.stderr


def test_who_is_ended_now_is_out_and_the_doctor_is_told(
    idp: Idp, provider: Provider, assistant: Someone
) -> None:
    token, known = refresh_token(provider, assistant), delegation(idp)
    done = idp("assistants", "end", "408461", known, "--now", *WHY, **MAIL)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "ended at once: NAUDIN Fernand, of DURAND Alice\n"
    assert provider.refresh(token).status_code == 400
    assert [one["state"] for one in listed(idp)] == ["over"]
    [line] = provider.audited("assistant.changed")
    assert line["detail"] == {"delegation": known, "by": "support", "reason": WHY[1]}
    values = {"who": "NAUDIN Fernand", "last": ""}
    assert told(provider) == [("assistant_end_set", "alice@example.org", values)]
    again = idp("assistants", "end", "408461", known, "--now", *WHY)
    assert "the time of NAUDIN Fernand is over already" in again.stderr
    assert len(provider.audited("assistant.changed")) == 1


def test_with_a_day_they_go_on_to_its_end(idp: Idp, provider: Provider, assistant: Someone) -> None:
    token, known = refresh_token(provider, assistant), delegation(idp)
    last = (TODAY + timedelta(days=2)).isoformat()
    done = idp("assistants", "end", "408461", known, "--date", last, *WHY, **MAIL)
    assert done.stderr == f"ended with {last}: NAUDIN Fernand, of DURAND Alice\n"
    assert [(one["state"], one["valid_until"]) for one in listed(idp)] == [("active", last)]
    assert provider.refresh(token).status_code == 200
    values = {"who": "NAUDIN Fernand", "last": last}
    assert told(provider) == [("assistant_end_set", "alice@example.org", values)]


@pytest.mark.attack(53)
@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (90, "only the practitioner gives more time"),
        (60, "when it ends: only the practitioner gives more time"),
        (-1, "today or a later day is expected"),
        (-5000, "a day from 2025-12-03 on is expected"),
    ],
)
def test_the_desk_gives_nobody_more_time_and_ends_nothing_in_the_past(
    idp: Idp, provider: Provider, assistant: Someone, days: int, expected: str
) -> None:
    before = listed(idp)
    last = (TODAY + timedelta(days=days)).isoformat()
    refused = idp("assistants", "end", "408461", before[0]["delegation"], "--date", last, *WHY, **MAIL)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert expected in " ".join(refused.stderr.replace("│", "").split())
    assert listed(idp) == before
    assert not provider.audited("assistant.changed")
    assert told(provider) == []


@pytest.mark.attack(53)
def test_somebody_whose_time_is_over_gets_no_time_again(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    provider.add_assistant(doctor, "FINI Zoé", last=date(2025, 12, 31))
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    refused = idp("assistants", "end", "408461", delegation(idp), "--date", tomorrow, *WHY)
    assert (refused.exit_code, [one["state"] for one in listed(idp)]) == (2, ["over"])


def test_one_who_has_not_begun_is_removed_and_not_ended_now(
    idp: Idp, provider: Provider, doctor: Someone
) -> None:
    provider.add_assistant(doctor, "FUTUR Ugo", first=TODAY + timedelta(days=3))
    refused = idp("assistants", "end", "408461", delegation(idp), "--now", *WHY)
    assert (refused.exit_code, "has not begun: remove it" in refused.stderr) == (2, True)
    assert idp("assistants", "remove", "408461", delegation(idp), *WHY).exit_code == 0


@pytest.mark.parametrize("act", [["end", "--now"], ["remove"]], ids=["end", "remove"])
def test_a_dry_run_and_a_refused_call_change_nothing(
    idp: Idp, provider: Provider, assistant: Someone, act: list[str]
) -> None:
    provider.add_assistant(provider.add("408462", "MARTIN Paul", mfa=True), "AUTRE Ana")
    others = json.loads(idp("assistants", "list", "408462", "--json").stdout)["assistants"][0]["delegation"]
    known, before, [verb, *how] = delegation(idp), listed(idp), act
    dry = idp("assistants", verb, "408461", known, *how, *WHY, "--dry-run", **MAIL)
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert dry.stderr.startswith("would be ")
    for identifier, one, why in (
        ("408461", others, WHY),
        ("408461", "NAUDIN Fernand", WHY),
        ("999999", known, WHY),
        ("408461", known, ("--reason", " ")),
        ("408461", known, ()),
    ):
        assert idp("assistants", verb, identifier, one, *how, *why, **MAIL).exit_code == 2
    assert listed(idp) == before
    assert not provider.audited("assistant.changed")
    assert not provider.audited("assistant.removed")
    assert told(provider) == []


def test_either_a_day_or_now(idp: Idp, assistant: Someone) -> None:
    for how in ([], ["--now", "--date", TODAY.isoformat()]):
        refused = idp("assistants", "end", "408461", delegation(idp), *how, *WHY)
        assert (refused.exit_code, "either --date or --now is expected" in refused.stderr) == (2, True)
