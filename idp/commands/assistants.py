"""``idp assistants``: who may act for a practitioner, for the support desk. None is added here.

Adding needs the secret of the assistant's phone, which never passes through a desk: the practitioner adds, signed in.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import click
from sqlalchemy import Connection

from idp.accounts import delegations
from idp.accounts.delegations import Delegation
from idp.accounts.locking import lock_practice
from idp.app import Parts
from idp.audit.events import Event, record
from idp.commands.opened import open_parts
from idp.commands.reason import reason_option
from idp.commands.support import Subject, subject_of
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import Window, first_day, last_day, window_of_days
from idp.settings import load_settings

_WHY = "who asked, and how you knew them"


@click.group("assistants")
def command() -> None:
    """Who may act for a practitioner: listed, ended sooner, removed.

    Adding one, or giving one more time, is the practitioner's own act, signed in on *Profil*: support never sees the
    secret of a phone, and nobody gets back in by a telephone call.
    """


@command.command("list")
@click.argument("identifier")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_(identifier: str, as_json: bool) -> None:
    """List who is or was an assistant of the account IDENTIFIER, the newest first, by id of delegation."""
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.read() as connection:
        found = subject_of(connection, identifier)
        listed = delegations.of_account(connection, found.account_id)
    if as_json:
        told = {"identifier": found.identifier, "name": found.name}
        described = [_described(one, now) for one in listed]
        click.echo(json.dumps({**told, "assistants": described}, ensure_ascii=False))
        return
    for one in listed:
        told = _described(one, now)
        until = told["valid_until"] or "open"
        click.echo(f"{one.id}  {told['state']:<8}  {told['valid_from']}  {until:<10}  {one.name}")
        if one.last_used_at is not None:
            click.echo(f"    last signed in {told['last_signed_in']} to {one.last_used_for}")
    click.echo(f"assistants of {found.name}: {len(listed)}", err=True)


@command.command()
@click.argument("identifier")
@click.argument("delegation")
@click.option("--date", "last", type=click.DateTime(["%Y-%m-%d"]), help="The new last day, YYYY-MM-DD.")
@click.option("--now", "at_once", is_flag=True, help="In place of --date: this moment.")
@reason_option(_WHY)
@click.option("--dry-run", is_flag=True, help="Say what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def end(
    identifier: str,
    delegation: str,
    last: datetime | None,
    at_once: bool,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """End DELEGATION, an assistant's of the account IDENTIFIER, sooner than it would.

    With --now their sessions and refresh end too. The practitioner is told, and may give them time again on *Profil*.
    """
    if (last is None) is not at_once:
        raise click.UsageError("either --date or --now is expected")
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.write() as connection:
        found, listed, one = _one(connection, identifier, delegation)
        sooner = _ending(one, None if last is None else last.date(), now)
        if not dry_run:
            # Ended sooner, it takes no place that it does not have already: the cap has no say.
            delegations.set_end(connection, found.account_id, one.id, sooner.end, len(listed), now)
            _noted(connection, Event.ASSISTANT_CHANGED, found, one, reason, now)
            told = {"who": one.name, "last": "" if last is None else last.date().isoformat()}
            _outbox(parts).tell(connection, Notice.ASSISTANT_END_SET, found.account_id, now, **told)
    until = "at once" if last is None else f"with {last.date()}"
    _say("end", found, one, until, dry_run=dry_run, as_json=as_json)


@command.command()
@click.argument("identifier")
@click.argument("delegation")
@reason_option(_WHY)
@click.option("--dry-run", is_flag=True, help="Say what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def remove(identifier: str, delegation: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Remove DELEGATION, an assistant's of the account IDENTIFIER: sessions, refresh and the phone's secret go.

    The practitioner is told. Who comes back is added anew by them.
    """
    parts = open_parts(load_settings())
    now = parts.clock.now()
    with parts.database.write() as connection:
        found, _listed, one = _one(connection, identifier, delegation)
        if not dry_run:
            delegations.remove(connection, found.account_id, one.id, None, now)
            _noted(connection, Event.ASSISTANT_REMOVED, found, one, reason, now)
            kind = Notice.ASSISTANT_REMOVED_BY_SUPPORT
            _outbox(parts).tell(connection, kind, found.account_id, now, who=one.name)
    _say("remove", found, one, "at once", dry_run=dry_run, as_json=as_json)


def _one(
    connection: Connection, identifier: str, delegation_id: str
) -> tuple[Subject, list[Delegation], Delegation]:
    """Return the account, its assistants and the one meant, who is there to the end of the transaction."""
    found = subject_of(connection, identifier)
    lock_practice(connection, found.account_id)
    listed = list(delegations.of_account(connection, found.account_id))
    one = next((one for one in listed if one.id == delegation_id), None)
    if one is None or one.removed_at is not None:
        what = "no assistant of this account has it" if one is None else f"{one.name} is removed already"
        raise click.BadParameter(f"{what}; see `idp assistants list`", param_hint="DELEGATION")
    return found, listed, one


def _ending(one: Delegation, last: date | None, now: datetime) -> Window:
    """Return the window that ends with the day ``last`` (or now); raises ``click.BadParameter`` unless it is sooner."""
    if one.window.is_over(now):
        raise click.BadParameter(f"the time of {one.name} is over already", param_hint="DELEGATION")
    if one.window.start > now and last is None:
        raise click.BadParameter(f"the time of {one.name} has not begun: remove it", param_hint="DELEGATION")
    try:
        window = (
            Window(one.window.start, now) if last is None else window_of_days(first_day(one.window), last)
        )
    except (ValueError, OverflowError):
        expected = f"a day from {first_day(one.window)} on"
        raise click.BadParameter(f"{expected} is expected", param_hint="--date") from None
    if last is not None and (window.end is None or window.end <= now):
        raise click.BadParameter("today or a later day is expected, or --now", param_hint="--date")
    if one.window.end is not None and (window.end is None or window.end >= one.window.end):
        expected = f"a day before {last_day(one.window)}, when it ends: only the practitioner gives more time"
        raise click.BadParameter(expected, param_hint="--date")
    return window


def _noted(
    connection: Connection, event: Event, found: Subject, one: Delegation, reason: str, now: datetime
) -> None:
    detail = {"delegation": one.id, "by": "support", "reason": reason}
    record(connection, event, now, account_id=found.account_id, detail=detail)


def _outbox(parts: Parts) -> Outbox:
    return Outbox(parts.keyring, parts.plugins.notifiers)


def _say(act: str, found: Subject, one: Delegation, until: str, *, dry_run: bool, as_json: bool) -> None:
    done = {"end": "ended", "remove": "removed"}[act]
    if as_json:
        told = {"identifier": found.identifier, "delegation": one.id, "name": one.name, done: not dry_run}
        click.echo(json.dumps(told, ensure_ascii=False))
    click.echo(f"{f'would be {done}' if dry_run else done} {until}: {one.name}, of {found.name}", err=True)


def _described(one: Delegation, now: datetime) -> dict[str, Any]:
    last = last_day(one.window)
    return {
        "delegation": one.id,
        "name": one.name,
        "valid_from": first_day(one.window).isoformat(),
        "valid_until": last.isoformat() if last else None,
        "state": _state(one, now),
        "added": _minute(one.added_at),
        "removed": _minute(one.removed_at),
        "last_signed_in": _minute(one.last_used_at),
        "last_service": one.last_used_for,
    }


def _state(one: Delegation, now: datetime) -> str:
    if one.removed_at is not None:
        return "removed"
    if one.window.is_over(now):
        return "over"
    return "active" if one.window.holds(now) else "to come"


def _minute(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(FUND_ZONE).isoformat(timespec="minutes")
