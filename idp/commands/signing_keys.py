"""``idp keys list|rotate|retire``: the keys that sign tokens, from their publication to their end."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from idp.commands.opened import Unprepared, open_parts
from idp.commands.reason import optional_reason
from idp.oidc.keys.rotation import (
    SHORTEST_LEAD,
    KeyLine,
    NotRetired,
    key_lines,
    retirable,
    retire_key,
    rotate_keys,
)
from idp.oidc.keys.signing import ALGORITHMS, new_key
from idp.oidc.keys.store import CACHED, STALE
from idp.settings import Settings, load_settings

_LEAD = 600
_SHORTEST = int(SHORTEST_LEAD.total_seconds())

_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@click.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """Print the keys that sign and verify tokens, and those that did."""
    settings = load_settings()
    parts = open_parts(settings)
    with parts.database.read() as connection:
        found = key_lines(connection, _lifetime(settings), parts.clock.now())
    if as_json:
        click.echo(json.dumps([_told(line) for line in found]))
        return
    for line in found:
        click.echo(f"{line.alg:<5}  {line.kid}  {line.state:<8}  {_when(line)}")


@click.command("rotate")
@click.option(
    "--alg", "algs", multiple=True, type=click.Choice(ALGORITHMS), help="Of these only; else of all."
)
@click.option(
    "--activate-in",
    "seconds",
    type=click.IntRange(_SHORTEST),
    help=f"Seconds until the new keys sign; {_LEAD} unless given. Sooner, some service would not know them yet.",
)
@click.option(
    "--now", "at_once", is_flag=True, help="They sign at once, what waits is retired: after a compromise."
)
@optional_reason("why the keys change")
@_dry_run
@_as_json
def rotate(
    algs: tuple[str, ...],
    seconds: int | None,
    at_once: bool,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish a new key of each algorithm. It signs a little later; the one before goes on verifying."""
    if at_once and seconds is not None:
        raise click.UsageError("either --activate-in or --now is expected")
    settings = load_settings()
    parts = open_parts(settings)
    chosen = [alg for alg in ALGORITHMS if alg in (algs or ALGORITHMS)]
    with parts.database.read() as connection:
        known = key_lines(connection, _lifetime(settings), parts.clock.now())
    waiting = [line for line in known if line.state == "waits" and line.alg in chosen]
    if waiting and not at_once:
        raise Unprepared("\n".join(f"{one.alg}: {one.kid} waits already and {_when(one)}" for one in waiting))
    if dry_run:
        click.echo(f"new keys would be published: {', '.join(chosen)}", err=True)
        for one in waiting:
            click.echo(f"{one.alg}: {one.kid} waits and would be retired", err=True)
        return
    made = [new_key(alg) for alg in chosen]
    now = parts.clock.now()
    begins = now if at_once else now + timedelta(seconds=_LEAD if seconds is None else seconds)
    with parts.database.write() as connection:
        overtaken = rotate_keys(connection, parts.keyring, made, begins, reason, now)
    if as_json:
        told = [{"kid": key.kid, "alg": key.alg, "activates_at": begins.isoformat()} for key in made]
        click.echo(json.dumps(told))
    else:
        click.echo("\n".join(f"{key.alg:<5}  {key.kid}" for key in made))
    click.echo(f"published; from {_told_moment(begins)} on they sign", err=True)
    for one in overtaken:
        click.echo(f"{one.alg}: {one.kid} waited and is retired", err=True)
    if at_once:
        click.echo(
            f"services that do not look for an unknown kid learn of it within {SHORTEST_LEAD}", err=True
        )


@click.command("retire")
@click.argument("kid")
@click.option(
    "--force", is_flag=True, help="Give up tokens that still live: after a compromise. Needs --reason."
)
@optional_reason("why the key ends")
@_dry_run
def retire(kid: str, force: bool, reason: str | None, dry_run: bool) -> None:
    """End the key KID: it is published no more, nothing that it signed is believed, its private half is destroyed."""
    if force and reason is None:
        raise click.UsageError("--force needs --reason")
    settings = load_settings()
    parts = open_parts(settings)
    now = parts.clock.now()
    try:
        with parts.database.read() if dry_run else parts.database.write() as connection:
            line = retirable(connection, kid, _lifetime(settings), now, forced=force)
            if not dry_run:
                retire_key(connection, line, now, forced=force, reason=reason)
    except LookupError:
        raise Unprepared(f"{kid}: the kid of a published key is expected (idp keys list)") from None
    except NotRetired as refusal:
        raise Unprepared(f"{kid}: still needed: {refusal}") from None
    if dry_run:
        click.echo("would be retired", err=True)
        return
    click.echo(f"retired; processes forget it within {STALE}, services within {CACHED} more", err=True)


def _lifetime(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.access_token_lifetime)


def _told(line: KeyLine) -> dict[str, str | None]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(line).items()
    }


def _when(line: KeyLine) -> str:
    if line.state == "waits":
        return f"signs from {_told_moment(line.since)}"
    if line.state == "verifies" and line.needed_until is not None:
        return f"may be retired from {_told_moment(line.needed_until)}"
    if line.state == "retired" and line.retired_at is not None:
        return f"since {_told_moment(line.retired_at)}"
    return f"since {_told_moment(line.since)}"


def _told_moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
