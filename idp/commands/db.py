"""``idp db``: the tables, and what must be in them before the first request."""

from __future__ import annotations

import click
from alembic.util import CommandError

from idp.app import parts_of
from idp.commands.opened import Unprepared, open_parts
from idp.oidc.keys.rotation import ensure_keys
from idp.oidc.subjects import ensure_subjects
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
    try:
        upgrade(parts.database)
    except CommandError:
        raise Unprepared("database: a version of `idp` as new as its tables is expected") from None
    ensure_keys(parts.database, parts.keyring, parts.clock.now())
    ensure_subjects(parts.database, parts.keyring, parts.clock.now())
    click.echo("up to date", err=True)


@command.command()
def check() -> None:
    """Exit with 1 while the tables are not those of this version."""
    open_parts(load_settings())
    click.echo("up to date", err=True)
