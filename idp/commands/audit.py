"""``idp audit``: reading what happened."""

from __future__ import annotations

import json

import click
from sqlalchemy import select

from idp.commands.opened import open_parts
from idp.settings import load_settings
from idp.storage.schema import audit_event


@click.group("audit")
def command() -> None:
    """The audit's lines."""


@command.command()
@click.option("--lines", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def tail(lines: int, as_json: bool) -> None:
    """Print the last lines, the oldest first."""
    with open_parts(load_settings()).database.read() as connection:
        found = connection.execute(select(audit_event).order_by(audit_event.c.id.desc()).limit(lines))
        rows = found.mappings().all()
    for row in reversed(rows):
        line = {**row, "at": row["at"].isoformat()}
        told = {name: value for name, value in line.items() if value not in (None, {})}
        text = json.dumps(told) if as_json else "  ".join(f"{name}={value}" for name, value in told.items())
        click.echo(text)
