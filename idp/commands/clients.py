"""``idp clients``: the services behind the provider, one file before it stands in the folder, a new secret."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import click

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry, load_client
from idp.commands.clients_diff import diff
from idp.commands.clients_new.command import command as new
from idp.commands.trying.command import try_
from idp.configuration import ConfigurationError, ConfigurationErrors
from idp.configuration.fields import suggestion
from idp.outbound import reach_of
from idp.plugins import load_plugins
from idp.settings import load_settings

_IN_LIST = (
    "client_id",
    "name",
    "token_endpoint_auth_method",
    "floor",
    "mfa",
    "profiles",
    "assistants",
    "grant_types",
)


@click.group("clients")
def command() -> None:
    """The services behind the provider. Only `try` calls anybody; nothing here needs the database."""


command.add_command(diff)
command.add_command(new)
command.add_command(try_)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_(as_json: bool) -> None:
    """List every service: how it proves who it is, whom it admits and how well signed in."""
    listed = [{name: told[name] for name in _IN_LIST} for told in map(_told, _registered())]
    if as_json:
        click.echo(json.dumps({"clients": listed}, ensure_ascii=False))
        return
    for one in listed:
        click.echo(f"{one['client_id']}  {one['name']}")
        for name in _IN_LIST[2:]:
            click.echo(f"    {name}: {_words(one[name])}")


@command.command()
@click.argument("client_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def show(client_id: str, as_json: bool) -> None:
    """Print every key of the service CLIENT_ID, those that its file leaves out too; of its secrets how many."""
    clients = {client.client_id: client for client in _registered()}
    if client_id not in clients:
        raise click.BadParameter(f"unknown client: {suggestion(client_id, clients)}", param_hint="CLIENT_ID")
    told = _told(clients[client_id])
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for name, value in told.items():
        click.echo(f"{name}: {_words(value)}")


@command.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Check client FILES wherever they stand, without settings; what they say of other files is left unchecked.

    `idp config check` looks at the whole folder, and at scopes and resources too.
    """
    valid: list[str] = []
    errors: list[ConfigurationError] = []
    for file in files:
        try:
            valid.append(load_client(file, None).client_id)
        except ConfigurationErrors as found:
            errors += found.errors
    if as_json:
        report = {"ok": not errors, "clients": valid, "errors": [error.as_dict() for error in errors]}
        click.echo(json.dumps(report, ensure_ascii=False))
    for line in errors:
        click.echo(str(line), err=True)
    if errors:
        ctx.exit(1)
    click.echo(f"valid: {', '.join(valid)}", err=True)


@command.command("new-secret")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with both on stdout.")
def new_secret(as_json: bool) -> None:
    """Print a random secret on stdout, this once, and on stderr the line for the client's file."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if as_json:
        click.echo(json.dumps({"client_secret": secret, "client_secret_sha256": digest}))
        return
    click.echo(secret)
    click.echo(f"client_secret_sha256: {digest}", err=True)


def _registered() -> list[Client]:
    """Return the services in the order of their identifiers. Raises what the configuration has wrong."""
    settings = load_settings()
    scopes = frozenset(load_plugins(settings).scopes)
    registry = ClientRegistry.load(settings.clients_folder, scopes, reach_of(settings))
    return sorted(registry, key=lambda client: client.client_id)


def _told(client: Client) -> dict[str, Any]:
    """Return what a file says and leaves out, lists in a steady order."""
    unordered = {name for name in Client.model_fields if isinstance(getattr(client, name), frozenset)}
    told = client.model_dump(mode="json")
    told["client_secret_sha256"] = len(client.client_secret_sha256)
    return {name: sorted(value) if name in unordered else value for name, value in told.items()}


def _words(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
