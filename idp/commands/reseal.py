"""``idp keys reseal``: secrets at rest move under the active line of the keyring, so that older lines may go."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import click

from idp import resealing
from idp.commands.opened import open_parts
from idp.settings import load_settings


@click.command("reseal")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as one JSON object on stdout.")
def reseal(dry_run: bool, as_json: bool) -> None:
    """Seal again, under the first line of the keyring, what older lines sealed.

    Every process must have been restarted with that line before. A piece at a time; after an interruption run it
    again. Exit code 0 when nothing is left under older keys.
    """
    settings = load_settings()
    parts = open_parts(settings)
    waiting = resealing.to_do(parts.database, parts.keyring)
    done = dict.fromkeys(waiting, 0)
    try:
        for column in () if dry_run else resealing.COLUMNS:
            name = column.table.name
            for number in resealing.reseal(parts.database, parts.keyring, column):
                done[name] += number
                click.echo(f"{name}: {done[name]} of {waiting[name]}", err=True)
    except KeyboardInterrupt:
        click.echo("stopped; run it again to go on", err=True)
        sys.exit(1)
    left = resealing.left(parts.database, parts.keyring)
    unknown = left.pop("")
    if as_json:
        click.echo(json.dumps({"resealed": done, "left": left, "not_opened": unknown}))
    for kid, number in left.items():
        click.echo(f"{kid}: {number} left", err=True)
    if unknown:
        click.echo(f"no line of the keyring opens {unknown}", err=True)
    if unknown or any(left.values()):
        sys.exit(0 if dry_run else 1)
    if left:
        # Not sealed but derived from a line: counted nowhere.
        until = parts.clock.now() + timedelta(seconds=settings.refresh_lifetime)
        click.echo(
            f"older lines open nothing more; refresh tokens that came of them live until {until:%Y-%m-%d}, and "
            "devices are asked as new ones once the lines are gone",
            err=True,
        )
