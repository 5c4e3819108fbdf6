"""``idp accounts unlock``: what failed attempts stopped or slow down goes on."""

from __future__ import annotations

import click

from idp.accounts import directory, failures
from idp.accounts.failures import State
from idp.accounts.identifier import comparable
from idp.audit.events import Event, record
from idp.commands.opened import open_parts
from idp.commands.reason import reason_option
from idp.settings import load_settings


@click.command()
@click.argument("identifier")
@reason_option("who asked, and how you knew them")
@click.option("--dry-run", is_flag=True, help="Say what would be cleared.")
def unlock(identifier: str, reason: str, dry_run: bool) -> None:
    """Clear every failed attempt at the account IDENTIFIER.

    Password and codes, on known devices and on new ones. Sessions, phones and passwords stay as they are.
    """
    compared = comparable(identifier) or ""
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.write() as connection:
        known = directory.credentials(connection, compared)
        if known is None:
            raise click.BadParameter("no account has it", param_hint="IDENTIFIER")
        states = failures.of_account(connection, known.account_id, compared)
        if not dry_run:
            failures.clear(connection, known.account_id, compared)
            record(
                connection,
                Event.ACCOUNT_UNLOCKED,
                now,
                account_id=known.account_id,
                detail={"reason": reason, "cleared": [_described(state) for state in states]},
            )
    done = "would clear" if dry_run else "cleared"
    for state in states:
        click.echo(f"{done}: {_described(state)}", err=True)
    if not states:
        click.echo("no failed attempt counts against this account", err=True)


def _described(state: State) -> str:
    devices = "known devices" if state.known else "new devices"
    spent = "" if state.budget is None else f", {state.spent} of {state.budget} spent"
    return f"{state.guess} on {devices}: {state.count} in a row{spent}"
