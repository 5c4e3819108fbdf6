"""``idp accounts reset-password``: support ends a password and hands over a link to choose another."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

import click

from idp.accounts import passwords, sessions
from idp.accounts.directory import NO_PASSWORD
from idp.accounts.party import party
from idp.audit.events import Event, record
from idp.commands.opened import open_parts
from idp.commands.reason import reason_option
from idp.commands.support import subject_of
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.notices.requests import RecoveryRequests
from idp.settings import load_settings

LINK_LIFETIME: Final = timedelta(hours=1)
"""Longer than one that people ask for themselves: it is read out, or waits until they are at a screen."""


@click.command("reset-password")
@click.argument("identifier")
@reason_option("who asked, and how you knew them")
@click.option("--send", is_flag=True, help="Send the link to every contact on file instead of printing it.")
@click.option("--dry-run", is_flag=True, help="Say what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def reset_password(identifier: str, reason: str, send: bool, dry_run: bool, as_json: bool) -> None:
    """End the password of IDENTIFIER at once, with every session, and print a single-use link to choose another.

    The link is good for an hour. The second factor stays: whoever uses the link still needs the phone to sign in.
    Without --send the account's contacts are told that the password has changed.
    """
    settings = load_settings()
    parts = open_parts(settings)
    outbox = Outbox(parts.keyring, parts.plugins.notifiers)
    requests = RecoveryRequests(parts.database, parts.clock, parts.keyring, outbox, settings.issuer)
    now = parts.clock.now()
    link = None
    with parts.database.write() as connection:
        found = subject_of(connection, identifier)
        there = party(connection, found.account_id, None, now)
        if there is None:
            raise click.BadParameter("the account is disabled", param_hint="IDENTIFIER")
        open_now = len(sessions.of_account(connection, found.account_id, now))
        if not dry_run:
            passwords.put_in_force(connection, there.account, NO_PASSWORD, now)
            detail = {"by": "support", "reason": reason, "sent": send}
            record(connection, Event.PASSWORD_RESET, now, account_id=found.account_id, detail=detail)
            if not send:
                link = requests.new_link(connection, found.account_id, LINK_LIFETIME, now)
                outbox.tell(connection, Notice.PASSWORD_CHANGED, found.account_id, now)
            elif not requests.send_link(connection, found.account_id, LINK_LIFETIME, now):
                # Raised inside the transaction: nothing of it is kept.
                nobody = "no contact is on file or no notifier is configured, and nothing was changed"
                raise click.BadParameter(nobody, param_hint="--send")
    if as_json and not dry_run:
        click.echo(
            json.dumps({"identifier": found.identifier, "name": found.name, "link": link}, ensure_ascii=False)
        )
    elif link is not None:
        click.echo(link)
    done = "would be reset" if dry_run else "reset"
    minutes = LINK_LIFETIME // timedelta(minutes=1)
    click.echo(
        f"{done}: {found.name}; open sessions: {open_now}; the link is good for {minutes} minutes", err=True
    )
