"""``idp keys``: the keys that sign tokens, and those that encrypt secrets at rest."""

from __future__ import annotations

import secrets

import click

from idp.commands.reseal import reseal
from idp.commands.signing_keys import list_, retire, rotate
from idp.storage.keyring import Keyring


@click.group("keys")
def command() -> None:
    """The keys that sign tokens, and those that encrypt secrets at rest."""


for _verb in (list_, rotate, retire, reseal):
    command.add_command(_verb)


@command.command("new-encryption-key")
def new_encryption_key() -> None:
    """Print one line for the keyring file: put it first, it becomes the active key. Keep the older lines."""
    click.echo(Keyring.generate_line(secrets.token_hex(4)))
