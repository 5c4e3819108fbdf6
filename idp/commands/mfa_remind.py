"""``idp mfa remind``: telling people that the day of double authentication comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from idp.app import Parts
from idp.commands.opened import Unprepared, open_parts
from idp.notices.outbox import Outbox
from idp.notices.reminders import Reminded, remind_of_day, to_remind_of_day
from idp.rules.obligation import days_until, next_day_named
from idp.services import obligations
from idp.settings import Settings, load_settings


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=30,
    show_default=True,
    help="Where the day comes within so many days.",
)
@click.option("--dry-run", is_flag=True, help="Count by profile only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def remind(days: int, dry_run: bool, as_json: bool) -> None:
    """Tell accounts that have not activated that double authentication is soon obligatory.

    Once a week at most, and only while the day lies ahead. `idp worker` sends what is queued here.
    """
    settings = load_settings()
    parts = open_parts(settings)
    outbox = Outbox(parts.keyring, parts.plugins.notifiers)
    if not outbox.reaches and not dry_run:
        raise Unprepared("plugins.notifiers: a way to tell people is expected, smtp or webhook")
    now = parts.clock.now()
    told = []
    for profile, day in _coming(settings, parts, now, days).items():
        found = to_remind_of_day(parts.database, profile, now)
        line: dict[str, object] = {
            "profile": profile,
            "date": day.isoformat(),
            "days": days_until(day, now),
            "accounts": found,
        }
        if not dry_run:
            line |= vars(_reminded(parts, outbox, profile, day, found))
        told.append(line)
    if as_json:
        click.echo(json.dumps({"profiles": told}))
    else:
        for line in told:
            click.echo(", ".join(f"{name} {value}" for name, value in line.items()))
        if not told:
            click.echo(f"no profile's day comes within {days} days", err=True)


def _coming(settings: Settings, parts: Parts, now: datetime, days: int) -> Mapping[str, date]:
    """Return the next day by profile, of the profile itself or of a service that admits it, within so many days."""
    coming: dict[str, date] = {}
    for name, profile in settings.profiles.items():
        day = next_day_named([profile.mfa, *obligations(parts.clients, name).values()], now)
        if day is not None and days_until(day, now) <= days and not profile.mfa.in_force(now):
            coming[name] = day
    return coming


def _reminded(parts: Parts, outbox: Outbox, profile: str, day: date, found: int) -> Reminded:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    told = unreached = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(profile, total=found)
        for piece in remind_of_day(parts.database, parts.clock, outbox, profile, day):
            told, unreached = told + piece.told, unreached + piece.unreached
            progress.advance(bar, piece.told + piece.unreached)
    return Reminded(told, unreached)
