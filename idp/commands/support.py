"""``idp accounts reset-mfa``: a phone is gone, and the recovery codes too. What other commands of support share."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click
from sqlalchemy import Connection, select

from idp.accounts import activation_codes, delegations, phones
from idp.accounts.delegations import Delegation
from idp.accounts.identifier import comparable
from idp.accounts.locking import lock_practice
from idp.audit.events import Event, record
from idp.commands.opened import open_parts
from idp.commands.reason import reason_option
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.rules.assurance import FUND_ZONE
from idp.settings import load_settings
from idp.storage.schema import account, person


@dataclass(frozen=True)
class Subject:
    """The account that a command of support is about."""

    account_id: str
    sub: str
    identifier: str
    name: str
    activated: bool
    disabled: bool


def subjects(connection: Connection, identifiers: list[str]) -> dict[str, Subject]:
    """Return the accounts of comparable identifiers, by these; those that no account has are left out."""
    rows = connection.execute(
        select(account, person.c.name)
        .join(person, person.c.id == account.c.person_id)
        .where(account.c.identifier.in_(identifiers))
    ).all()
    return {
        row.identifier: Subject(
            row.id,
            row.person_id,
            row.identifier,
            row.name,
            row.activated_at is not None,
            row.disabled_at is not None,
        )
        for row in rows
    }


def subject_of(connection: Connection, identifier: str) -> Subject:
    """Return the account of an identifier as typed. Raises ``click.BadParameter`` when no account has it."""
    compared = comparable(identifier) or ""
    found = subjects(connection, [compared]).get(compared)
    if found is None:
        raise click.BadParameter("no account has it", param_hint="IDENTIFIER")
    return found


@click.command("reset-mfa")
@click.argument("identifier")
@reason_option("who asked, and how you knew them")
@click.option("--with-assistants", is_flag=True, help="Remove every assistant of the account too.")
@click.option("--dry-run", is_flag=True, help="Say what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def reset_mfa(identifier: str, reason: str, with_assistants: bool, dry_run: bool, as_json: bool) -> None:
    """Take the phone of the holder of IDENTIFIER away, and print the one-time code for a new one.

    Their recovery codes, sessions and known devices go too. Assistants go on and are listed, each with when they were
    added: whoever activated in the holder's place may have added some, and --with-assistants removes all. The password
    alone still opens nothing: with password and code they enrol a new phone, by *Téléphone perdu, cassé ou changé ?*
    at their next sign-in.
    """
    settings = load_settings()
    parts = open_parts(settings)
    outbox = Outbox(parts.keyring, parts.plugins.notifiers)
    now = parts.clock.now()
    with parts.database.write() as connection:
        found = subject_of(connection, identifier)
        if not found.activated:
            raise click.BadParameter(
                "it has no second factor yet: `idp accounts activation-code` makes the code for it",
                param_hint="IDENTIFIER",
            )
        lock_practice(connection, found.account_id)
        listed = delegations.of_account(connection, found.account_id)
        assistants = [one for one in listed if one.removed_at is None]
        if not dry_run:
            removed = phones.reset(connection, found.account_id, now)
            new = activation_codes.make(connection, parts.keyring, found.account_id, now, even_activated=True)
            detail = {"reason": reason, "phones": removed}
            record(connection, Event.MFA_RESET, now, account_id=found.account_id, detail=detail)
            record(connection, Event.ACTIVATION_CODE_MADE, now, account_id=found.account_id)
            outbox.tell(connection, Notice.PHONE_RESET, found.account_id, now)
            for one in assistants if with_assistants else ():
                delegations.remove(connection, found.account_id, one.id, None, now)
                why = {"delegation": one.id, "by": "support", "reason": reason}
                record(connection, Event.ASSISTANT_REMOVED, now, account_id=found.account_id, detail=why)
                kind = Notice.ASSISTANT_REMOVED_BY_SUPPORT
                outbox.tell(connection, kind, found.account_id, now, who=one.name)
    if dry_run:
        click.echo(f"would be reset: {found.name}", err=True)
        _list(
            assistants,
            "that would be removed" if with_assistants else "that would remain",
            hint=not with_assistants,
        )
        return
    expires = new.last_day.isoformat()
    if as_json:
        told = {"identifier": found.identifier, "name": found.name, "code": new.code, "expires": expires}
        described = [{"name": one.name, "added": _added(one)} for one in assistants]
        kept, gone = ([], described) if with_assistants else (described, [])
        click.echo(json.dumps({**told, "assistants": kept, "removed_assistants": gone}, ensure_ascii=False))
    else:
        click.echo(new.code)
    click.echo(f"reset: {found.name}; the code for a new phone is good to the end of {expires}", err=True)
    _list(assistants, "removed" if with_assistants else "that remain", hint=not with_assistants)


def _list(assistants: list[Delegation], what: str, *, hint: bool) -> None:
    click.echo(f"assistants {what}: {len(assistants)}", err=True)
    for one in assistants:
        click.echo(f"  {one.name}, added {_added(one)}", err=True)
    if assistants and hint:
        click.echo("if the holder did not add them, run it again with --with-assistants", err=True)


def _added(one: Delegation) -> str:
    return one.added_at.astimezone(FUND_ZONE).isoformat(timespec="minutes")
