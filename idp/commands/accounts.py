"""``idp accounts``: adding, disabling and enabling accounts."""

from __future__ import annotations

import json
import sys

import click
from sqlalchemy.exc import IntegrityError

from idp.accounts import directory
from idp.accounts.identifier import comparable
from idp.accounts.passwords import Chooser, PasswordPolicy, words_of
from idp.app import Parts
from idp.audit.events import Event, record
from idp.commands.activation_code import activation_code
from idp.commands.import_accounts import import_
from idp.commands.opened import open_parts
from idp.commands.reset_password import reset_password
from idp.commands.support import reset_mfa
from idp.commands.unlock import unlock
from idp.login.new_password import password_policy
from idp.settings import load_settings

_NAME_LENGTH = 120


@click.group("accounts")
def command() -> None:
    """The accounts that sign in."""


command.add_command(activation_code)
command.add_command(import_)
command.add_command(reset_mfa)
command.add_command(reset_password)
command.add_command(unlock)


@command.command()
@click.argument("identifier")
@click.option("--name", required=True, help="The holder's name as services show it.")
@click.option("--profile", required=True, help="One of the profiles of the settings.")
@click.option(
    "--attribute", "attributes", multiple=True, help="NAME=VALUE; a claim or a practitioner's number."
)
@click.option("--dry-run", is_flag=True, help="Check only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.password_option("--password", help="Asked for when not given.")
def add(
    identifier: str,
    name: str,
    profile: str,
    attributes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    password: str,
) -> None:
    """Add the account IDENTIFIER."""
    settings = load_settings()
    if profile not in settings.profiles:
        raise click.BadParameter(f"one of {', '.join(settings.profiles)} is expected", param_hint="--profile")
    name = " ".join(name.split())
    if not name.isprintable() or not 1 <= len(name) <= _NAME_LENGTH:
        raise click.BadParameter(f"1 to {_NAME_LENGTH} visible characters are expected", param_hint="--name")
    if comparable(identifier) is None:
        raise click.BadParameter("1 to 64 visible characters are expected", param_hint="IDENTIFIER")
    pairs = [attribute.partition("=") for attribute in attributes]
    if any(not sign or not key for key, sign, _value in pairs):
        raise click.BadParameter("NAME=VALUE is expected", param_hint="--attribute")
    parts = open_parts(settings)
    held = {key: value for key, _, value in pairs}
    chooser = Chooser(profile, False, words_of(name, identifier, *held.values()))
    phc = _hashed(parts, password_policy(settings), chooser, password)
    if dry_run:
        with parts.database.read() as connection:
            taken = directory.credentials(connection, comparable(identifier) or "") is not None
        click.echo("identifier taken" if taken else "would be added", err=True)
        sys.exit(1 if taken else 0)
    sub = _added(parts, identifier, name, profile, held, phc)
    click.echo(json.dumps({"sub": sub}) if as_json else sub)


@command.command()
@click.argument("identifier")
def disable(identifier: str) -> None:
    """Disable the account IDENTIFIER: nobody enters by it, assistants neither."""
    _switch(identifier, off=True)


@command.command()
@click.argument("identifier")
def enable(identifier: str) -> None:
    """Enable the account IDENTIFIER again."""
    _switch(identifier, off=False)


def _hashed(parts: Parts, policy: PasswordPolicy, chooser: Chooser, password: str) -> str:
    now = parts.clock.now()
    reason = policy.refusal(password, chooser, now)
    if reason is not None:
        rule = policy.rule(chooser, now)
        what = "digits" if rule.kind == "digits" else "characters"
        expected = f"{rule.minimum} to {rule.maximum} {what} are expected, not what is {reason.value}"
        raise click.BadParameter(expected, param_hint="--password")
    try:
        return parts.plugins.knowledge.hash(password)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--password") from None


def _added(
    parts: Parts, identifier: str, name: str, profile: str, attributes: dict[str, str], phc: str
) -> str:
    now = parts.clock.now()
    try:
        with parts.database.write() as connection:
            sub = directory.add_person(connection, name, now, attributes)
            account_id = directory.add_account(connection, sub, identifier, profile, phc, now)
            record(connection, Event.ACCOUNT_ADDED, now, account_id=account_id)
    except IntegrityError:
        raise click.BadParameter("an account has it already", param_hint="IDENTIFIER") from None
    return sub


def _switch(identifier: str, *, off: bool) -> None:
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.write() as connection:
        known = directory.credentials(connection, comparable(identifier) or "")
        if known is None:
            raise click.BadParameter("no account has it", param_hint="IDENTIFIER")
        directory.set_disabled(connection, known.account_id, now if off else None)
        event = Event.ACCOUNT_DISABLED if off else Event.ACCOUNT_ENABLED
        record(connection, event, now, account_id=known.account_id)
    click.echo("disabled" if off else "enabled", err=True)
