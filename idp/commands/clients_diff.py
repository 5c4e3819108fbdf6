"""``idp clients diff``: what a change of client files would change, before it is put in the folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from idp.clients.comparing import Change, changes
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry, load_client
from idp.configuration import ConfigurationErrors
from idp.outbound import reach_of
from idp.plugins import load_plugins
from idp.settings import load_settings

_NOT_COMPARED = 2


@click.command("diff")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something differs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def diff(ctx: click.Context, path: Path, exit_code: bool, as_json: bool) -> None:
    """Compare a client file, or a folder of them (PATH), with the registered ones: what would change with it.

    Values count, not how they are written: what a file leaves out has its default. What lets more through than before
    is marked by ! and said; of a service that is added, all that is not as strict as can be. With a folder, a service
    that it lacks is removed. Exit code 0, with --exit-code 1 where something differs, 2 where files could not be read.
    """
    try:
        registered, wanted = _read(path)
    except ConfigurationErrors as errors:
        click.echo(str(errors), err=True)
        ctx.exit(_NOT_COMPARED)
    found = {
        client_id: (_status(registered.get(client_id), wanted.get(client_id)), lines)
        for client_id in sorted({*registered, *wanted})
        if (lines := changes(registered.get(client_id), wanted.get(client_id)))
    }
    if as_json:
        told = [
            {"client_id": client_id, "status": status, "changes": [asdict(line) for line in lines]}
            for client_id, (status, lines) in found.items()
        ]
        click.echo(json.dumps({"clients": told}, ensure_ascii=False))
    else:
        for client_id, (status, lines) in found.items():
            click.echo(f"{client_id}: {status}")
            for line in lines:
                click.echo(_words(line))
    weaker = sum(line.weaker is not None for _status, lines in found.values() for line in lines)
    click.echo(f"services that differ: {len(found)}; lines that let more through: {weaker}", err=True)
    ctx.exit(1 if found and exit_code else 0)


def _read(path: Path) -> tuple[Mapping[str, Client], Mapping[str, Client]]:
    """Return the registered services and the wanted ones; with one file only that service on either side."""
    settings = load_settings()
    scopes = frozenset(load_plugins(settings).scopes)
    registry = ClientRegistry.load(settings.clients_folder, scopes, reach_of(settings))
    registered = {client.client_id: client for client in registry}
    if path.is_dir():
        folder = ClientRegistry.load(path, scopes, reach_of(settings))
        return registered, {client.client_id: client for client in folder}
    # Scopes and resources of other files may come with the same change: `idp config check` looks at all together.
    wanted = load_client(path, None)
    known = registered.get(wanted.client_id)
    return {known.client_id: known} if known else {}, {wanted.client_id: wanted}


def _status(before: Client | None, after: Client | None) -> str:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _words(line: Change) -> str:
    mark = "!" if line.weaker else " "
    if line.before is None:
        what = f"+ {line.after}"
    else:
        what = f"- {line.before}" if line.after is None else f"{line.before} -> {line.after}"
    return f"  {mark} {line.key}: {what}{f'  ({line.weaker})' if line.weaker else ''}"
