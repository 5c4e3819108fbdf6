"""``idp keys``: the keys that encrypt secrets at rest."""

from __future__ import annotations

import secrets

import click

from idp.storage.keyring import Keyring


@click.group("keys")
def command() -> None:
    """The keys that encrypt secrets at rest."""


@command.command("new-encryption-key")
def new_encryption_key() -> None:
    """Print one line for the keyring file: put it first, it becomes the active key. Keep the older lines."""
    click.echo(Keyring.generate_line(secrets.token_hex(4)))
