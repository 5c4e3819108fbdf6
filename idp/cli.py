"""The ``idp`` command. Each verb is a module of ``idp.commands``, imported when it is called."""

from __future__ import annotations

import importlib
from typing import Any

import click

from idp.configuration import ConfigurationErrors
from idp.plugins import PluginError
from idp.storage.errors import StorageUnavailable

COMMANDS = {
    "demo": "idp.commands.demo",
    "serve": "idp.commands.serve",
    "worker": "idp.commands.worker",
    "config": "idp.commands.config",
    "clients": "idp.commands.clients",
    "db": "idp.commands.db",
    "accounts": "idp.commands.accounts",
    "assistants": "idp.commands.assistants",
    "mfa": "idp.commands.mfa",
    "privacy": "idp.commands.privacy",
    "keys": "idp.commands.keys",
    "audit": "idp.commands.audit",
}
"""Verb to the module whose ``command`` it is."""


class LazyGroup(click.Group):
    """Imports the module of a verb when it is needed, and shows errors of configuration one a line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command, or ``None`` when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; exit with 1 after printing what is wrong in the configuration."""
        try:
            return super().invoke(ctx)
        except (ConfigurationErrors, PluginError, StorageUnavailable) as errors:
            click.echo(str(errors), err=True)
            ctx.exit(1)


@click.group(name="idp", cls=LazyGroup)
@click.version_option(package_name="funds-idp", prog_name="idp")
def main() -> None:
    """OpenID Provider of the fund: double authentication and named assistants."""
