"""``idp mfa remind``: who has not activated is told before the day, and a dry run tells nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from idp.cli import main
from idp.rules.assurance import FUND_ZONE
from idp.storage.schema import account, notice
from tests.clock import MovableClock
from tests.commands.conftest import Idp
from tests.provider import Provider

TODAY = datetime.now(FUND_ZONE).date()
"""The command lives by the machine's clock."""
DAY = TODAY + timedelta(days=20)
SMTP = {"host": "localhost", "sender": "noreply@idp.test"}
CONTACT = {"email": "somebody@example.org"}


def profiles(**mfa: object) -> dict[str, dict[str, Any]]:
    """Return the settings of the three profiles, each optional unless said otherwise."""
    names = ("health_professional", "insured", "employer")
    return {name: {"label": name, "mfa": mfa.get(name, "optional")} for name in names}


def on(day: object) -> dict[str, str]:
    return {"required_from": str(day)}


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider whose insured people are obliged in twenty days, with people in each state."""
    settings: dict[str, Any] = {"smtp": SMTP, "plugins": {"notifiers": ["smtp"]}}
    made = Provider(tmp_path, clock, profiles=profiles(insured=on(DAY)), **settings)
    made.add("2000001", "ROSSI Carla", "insured", attributes=CONTACT)
    made.add(
        "2000002", "BIANCHI Anna", "insured", attributes={**CONTACT, "contact_emails": ["b@example.org"]}
    )
    made.add("2000003", "VERDI Elena", "insured")
    made.add("2000004", "NERI Paolo", "insured", mfa=True, attributes=CONTACT)
    made.add("408461", "LEROUX Ariane", attributes=CONTACT)
    yield made
    made.parts.database.dispose()


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    lines: list[dict[str, Any]] = json.loads(result.stdout)["profiles"]
    return lines


def queued(provider: Provider) -> list[tuple[str, str]]:
    """Return kind and recipient of each notice."""
    with provider.parts.database.read() as connection:
        rows = connection.execute(select(notice.c.kind, notice.c.recipient).order_by(notice.c.recipient))
        return [(row.kind, row.recipient) for row in rows]


def marked(provider: Provider) -> set[str]:
    """Return who counts as reminded."""
    with provider.parts.database.read() as connection:
        return set(
            connection.execute(
                select(account.c.identifier).where(account.c.mfa_reminded_at.is_not(None))
            ).scalars()
        )


def test_a_dry_run_counts_by_profile_and_tells_nobody(provider: Provider, idp: Idp) -> None:
    expected = {"profile": "insured", "date": str(DAY), "days": 20, "accounts": 3}
    assert told(idp("mfa", "remind", "--dry-run", "--json")) == [expected]
    shown = idp("mfa", "remind", "--dry-run")
    assert shown.stdout == f"profile insured, date {DAY}, days 20, accounts 3\n"
    assert not queued(provider)
    assert not marked(provider)


def test_who_has_not_activated_is_told_at_each_contact_once_a_week(provider: Provider, idp: Idp) -> None:
    (line,) = told(idp("mfa", "remind", "--json"))
    assert (line["accounts"], line["told"], line["unreached"]) == (3, 2, 1)
    assert queued(provider) == [
        ("date_approaching", "b@example.org"),
        ("date_approaching", "somebody@example.org"),
        ("date_approaching", "somebody@example.org"),
    ]
    assert marked(provider) == {"2000001", "2000002"}
    (line,) = told(idp("mfa", "remind", "--json"))
    assert (line["accounts"], line["told"], line["unreached"]) == (1, 0, 1)
    assert len(queued(provider)) == 3


def test_a_day_farther_off_than_asked_is_no_reason(provider: Provider, idp: Idp) -> None:
    assert told(idp("mfa", "remind", "--days", "19", "--json")) == []
    said = idp("mfa", "remind", "--days", "19")
    assert said.exit_code == 0
    assert said.stderr == "no profile's day comes within 19 days\n"
    assert not queued(provider)


def test_without_a_way_to_tell_anybody_it_says_so(provider: Provider, idp: Idp) -> None:
    result = idp("mfa", "remind", IDP_PLUGINS='{"notifiers": []}')
    assert result.exit_code == 1
    assert result.stderr == "plugins.notifiers: a way to tell people is expected, smtp or webhook\n"
    assert told(idp("mfa", "remind", "--dry-run", "--json", IDP_PLUGINS='{"notifiers": []}'))
    assert not marked(provider)


@pytest.mark.parametrize("days", ["0", "-1", "367", "soon"])
def test_days_are_of_one_year(idp: Idp, days: str) -> None:
    assert idp("mfa", "remind", "--days", days).exit_code == 2


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({"insured": on(TODAY)}, {}),
        ({"insured": "required"}, {}),
        ({"insured": on(TODAY + timedelta(days=1))}, {"insured": 1}),
        ({"insured": on(DAY), "employer": on(TODAY + timedelta(days=3))}, {"insured": 20, "employer": 3}),
    ],
)
def test_only_days_that_lie_ahead_count(
    tmp_path: Path, clock: MovableClock, policies: dict[str, object], expected: dict[str, int]
) -> None:
    whole = Provider(tmp_path, clock, profiles=profiles(**policies))
    result = CliRunner().invoke(
        main, ["mfa", "remind", "--dry-run", "--json"], env={"IDP_CONFIG": str(tmp_path / "idp.yaml")}
    )
    assert {line["profile"]: line["days"] for line in told(result)} == expected
    whole.parts.database.dispose()


def test_the_day_of_a_service_counts_as_the_profiles(tmp_path: Path, clock: MovableClock) -> None:
    whole = Provider(tmp_path, clock, profiles=profiles())
    file = tmp_path / "clients" / "portal.yaml"
    client = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**client, "mfa": on(DAY)}), encoding="utf-8")
    result = CliRunner().invoke(
        main, ["mfa", "remind", "--dry-run", "--json"], env={"IDP_CONFIG": str(tmp_path / "idp.yaml")}
    )
    assert [(line["profile"], line["days"]) for line in told(result)] == [("health_professional", 20)]
    whole.parts.database.dispose()
