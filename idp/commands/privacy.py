"""``idp privacy``: everything held about one person, given out or erased."""

from __future__ import annotations

import json

import click
from sqlalchemy import Connection

from idp.accounts.erasure import Counts, erase
from idp.accounts.identifier import comparable
from idp.accounts.privacy import Subject, export, find_assistant, find_holder
from idp.audit.events import Event, record
from idp.commands.opened import open_parts
from idp.commands.reason import reason_option
from idp.settings import load_settings


class _OnlyTried(Exception):
    """Undoes the transaction of a dry run."""


@click.group("privacy")
def command() -> None:
    """What is held about one person."""


_identifier = click.argument("identifier", required=False)
_assistant = click.option(
    "--assistant", metavar="SUBJECT", help="An assistant, by `act.sub`, in place of IDENTIFIER."
)


@command.command("export")
@_identifier
@_assistant
def export_(identifier: str | None, assistant: str | None) -> None:
    """Print everything held about the holder of IDENTIFIER, or about an assistant, as one JSON document.

    Left out is what proves who somebody is: passwords, secrets of phones, codes, tokens. Subjects of assistants stand
    in the practitioner's own document, in `names`.
    """
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.write() as connection:
        who = _found(connection, identifier, assistant)
        document = {"exported_at": now.isoformat(), **export(connection, who)}
        for account_id in sorted({*who.accounts, *who.delegations.values()}):
            actor_id = None if account_id in who.accounts else who.person_id
            record(connection, Event.PERSON_EXPORTED, now, account_id=account_id, actor_id=actor_id)
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@command.command("erase")
@_identifier
@_assistant
@reason_option("whose request, of which day")
@click.option("--dry-run", is_flag=True, help="Say which rows would be touched, and touch none.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as one JSON object on stdout.")
def erase_(identifier: str | None, assistant: str | None, reason: str, dry_run: bool, as_json: bool) -> None:
    """Erase the holder of IDENTIFIER with their account, or an assistant, for good.

    An account goes with everything at it, and with those of its assistants who work for nobody else. An assistant's
    place stays on the practitioner's list, without the name. The audit keeps its lines under subjects that lead to
    nobody. What services keep by themselves, and copies of the database, must be seen to apart.
    """
    parts = open_parts(load_settings())
    counts: Counts = {}
    try:
        with parts.database.write() as connection:
            who = _found(connection, identifier, assistant)
            counts = erase(connection, parts.keyring, who, reason, parts.clock.now())
            if dry_run:
                raise _OnlyTried
    except _OnlyTried:
        click.echo("a dry run, nothing was erased; it would be:", err=True)
    for table, numbers in sorted(counts.items()):
        click.echo(f"{table}: {', '.join(f'{number} {what}' for what, number in numbers.items())}", err=True)
    if as_json:
        click.echo(json.dumps(counts))


def _found(connection: Connection, identifier: str | None, assistant: str | None) -> Subject:
    if (identifier is None) == (assistant is None):
        raise click.UsageError("either IDENTIFIER or --assistant SUBJECT is expected")
    if assistant is not None:
        who = find_assistant(connection, assistant)
        if who is None:
            raise click.BadParameter("no assistant has it", param_hint="--assistant")
        return who
    who = find_holder(connection, comparable(identifier or "") or "")
    if who is None:
        raise click.BadParameter("no account has it", param_hint="IDENTIFIER")
    return who
