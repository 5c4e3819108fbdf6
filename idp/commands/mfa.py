"""``idp mfa``: how far people are with double authentication, before the day comes."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

import click
from rich.console import Console
from rich.table import Table

from idp.accounts import readiness
from idp.accounts.readiness import Readiness
from idp.app import Parts
from idp.commands.mfa_remind import remind
from idp.commands.opened import open_parts
from idp.rules.assurance import FUND_ZONE, Policy
from idp.rules.obligation import days_until, next_day_named, stopped
from idp.services import obligations
from idp.settings import load_settings

_COUNTS = ("accounts", "activated", "not_activated", "never_signed_in", "stopped")
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would compute when it opens a cell that begins so."""


@dataclass(frozen=True)
class _Profile:
    """One line of the report."""

    name: str
    own: Policy
    services: Mapping[str, Policy]
    stops: bool
    """Whether by the day asked about a date has come that stops who has no second factor."""
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, one: Readiness) -> None:
        self.counts["accounts"] += 1
        self.counts["activated" if one.activated else "not_activated"] += 1
        self.counts["never_signed_in"] += not one.seen
        self.counts["stopped"] += self.stops and not one.activated

    @property
    def obligatory(self) -> list[tuple[str, str | None]]:
        """From when, and at which service; ``None``: everywhere."""
        policies = [(None, self.own), *self.services.items()]
        begins = [(policy.since, where) for where, policy in policies if policy.since is not None]
        return [("always" if since == date.min else since.isoformat(), where) for since, where in begins]


@click.group("mfa")
def command() -> None:
    """Double authentication: who is ready for the day."""


command.add_command(remind)


@command.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How it is printed on stdout; json with --list: one object a line.",
)
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that is asked about.  [default: the next that a policy names, else today]",
)
@click.option(
    "--list", "listing", is_flag=True, help="The accounts that would be stopped, in place of the sums."
)
def report(form: str, on: datetime | None, listing: bool) -> None:
    """Say by profile who has activated, and who would be stopped on the day, at one service or at all.

    Who is stopped by a service that demands two factors at any date is not counted: no day changes that. Disabled
    accounts are left out. Never signed in: not in the journal, which goes back `retention_days`.
    """
    settings = load_settings()
    parts = open_parts(settings)
    now = parts.clock.now()
    met = {name: obligations(parts.clients, name) for name in settings.profiles}
    policies = [policy for services in met.values() for policy in services.values()]
    policies += [profile.mfa for profile in settings.profiles.values()]
    day = on.date() if on else next_day_named(policies, now) or now.astimezone(FUND_ZONE).date()
    begun = datetime.combine(day, time(), FUND_ZONE)
    profiles: dict[str, _Profile] = {
        name: _Profile(name, profile.mfa, met[name], stopped(profile.mfa, met[name].values(), begun))
        for name, profile in settings.profiles.items()
    }
    if listing:
        stopping = {profile.name for profile in profiles.values() if profile.stops}
        _print_list(form, (one for one in _all(parts) if one.profile in stopping and not one.activated))
        return
    for one in _all(parts):
        # An account may have a profile that the settings no longer have: it enters nowhere.
        profiles.setdefault(one.profile, _Profile(one.profile, Policy.optional(), {}, False)).count(one)
    _print_sums(form, day, days_until(day, now), list(profiles.values()))


def _all(parts: Parts) -> Iterator[Readiness]:
    """Yield every account, holding a page of them and no transaction while a line is printed."""
    after = ""
    while True:
        with parts.database.read() as connection:
            found = readiness.page(connection, after)
        if not found:
            return
        yield from found
        after = found[-1].identifier


def _print_sums(form: str, day: date, left: int, profiles: list[_Profile]) -> None:
    total = sum((profile.counts for profile in profiles), Counter[str]())
    if form == "json":
        lines = [
            {
                "profile": one.name,
                **_numbers(one.counts),
                "obligatory": [{"from": since, "service": where} for since, where in one.obligatory],
            }
            for one in profiles
        ]
        whole = {"on": day.isoformat(), "days_left": left, "profiles": lines, "total": _numbers(total)}
        click.echo(json.dumps(whole, ensure_ascii=False))
    elif form == "csv":
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(["on", "days_left", "profile", *_COUNTS, "obligatory"])
        for one in profiles:
            rows.writerow(
                [day, left, one.name, *_numbers(one.counts).values(), "; ".join(map(_place, one.obligatory))]
            )
    else:
        table = Table(title=f"on {day}, {_in_days(left)}", show_footer=True)
        table.add_column("profile", "total")
        for name in _COUNTS:
            table.add_column(name.replace("_", " "), f"{total[name]:,}", justify="right")
        table.add_column("obligatory")
        for one in profiles:
            numbers = (f"{number:,}" for number in _numbers(one.counts).values())
            table.add_row(one.name, *numbers, "\n".join(map(_place, one.obligatory)) or "nowhere")
        Console().print(table)


def _print_list(form: str, accounts: Iterable[Readiness]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    if form == "csv":
        rows.writerow(["identifier", "profile", "name", "contact"])
    for one in accounts:
        contact = "yes" if one.contact else "no"
        if form == "json":
            told = {"identifier": one.identifier, "profile": one.profile, "name": one.name}
            click.echo(json.dumps({**told, "contact": one.contact}, ensure_ascii=False))
        elif form == "csv":
            rows.writerow([_harmless(one.identifier), one.profile, _harmless(one.name), contact])
        else:
            reached = "contact on file" if one.contact else "no contact"
            click.echo(f"{one.identifier:<16}  {one.profile:<20}  {reached:<15}  {one.name}")


def _numbers(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in _COUNTS}


def _place(obligatory: tuple[str, str | None]) -> str:
    since, service = obligatory
    return f"{since} {service or 'everywhere'}"


def _in_days(left: int) -> str:
    if left in (0, 1):
        return ("today", "tomorrow")[left]
    return f"in {left} days" if left > 0 else f"{-left} days ago"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
