"""``idp db``: the tables, and what must be in them before the first request."""

from __future__ import annotations

import sys

import click

from idp.app import parts_of
from idp.oidc.keys import ensure_keys
from idp.settings import load_settings
from idp.storage.migrate import pending, upgrade


@click.group("db")
def command() -> None:
    """The database's tables."""


@command.command("upgrade")
@click.option("--dry-run", is_flag=True, help="Only say whether there is something to do.")
def upgrade_(dry_run: bool) -> None:
    """Bring the tables to this version, and make signing keys where there are none."""
    parts = parts_of(load_settings())
    if dry_run:
        click.echo("to be upgraded" if pending(parts.database) else "up to date", err=True)
        return
    upgrade(parts.database)
    ensure_keys(parts.database, parts.keyring, parts.clock.now())
    click.echo("up to date", err=True)


@command.command()
def check() -> None:
    """Exit with 1 while the tables are not those of this version."""
    if pending(parts_of(load_settings()).database):
        click.echo("database: `idp db upgrade` is expected first", err=True)
        sys.exit(1)
    click.echo("up to date", err=True)
