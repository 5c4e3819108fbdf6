"""``idp accounts activation-code``: what a first activation needs beside the password, for a letter or many."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import Progress

from idp.accounts import activation_codes
from idp.accounts.activation_codes import AlreadyActivated, NewCode
from idp.accounts.identifier import comparable
from idp.app import Parts
from idp.audit.events import Event, record
from idp.commands.opened import Unprepared, open_parts
from idp.commands.support import Subject, subject_of, subjects
from idp.settings import load_settings

COLUMNS = ("identifier", "name", "code", "expires")
_BATCH = 500
_ACTIVATED = "it has been activated: `idp accounts reset-mfa` is for a phone that is gone"


@click.command("activation-code")
@click.argument("identifier", required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Many at once: a file of identifiers, one a line, UTF-8. Prints CSV for the letters.",
)
@click.option("--dry-run", is_flag=True, help="Check only, make nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a code on stdout.")
def activation_code(identifier: str | None, file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Print a one-time activation code for the account IDENTIFIER; an older one is good no longer.

    It is good for thirty days; its last day, in the fund's zone, is `expires`. Nobody can read it again.
    """
    if (identifier is None) == (file is None):
        raise click.UsageError("either IDENTIFIER or --file is expected")
    parts = open_parts(load_settings())
    if file is not None:
        sys.exit(1 if _many(parts, file, dry_run=dry_run, as_json=as_json) else 0)
    with parts.database.read() as connection:
        found = subject_of(connection, identifier or "")
    if why := _why_not(found):
        raise click.BadParameter(why, param_hint="IDENTIFIER")
    if dry_run:
        click.echo(f"a code would be made for {found.name}", err=True)
        return
    [new] = _made(parts, [found])
    if new is None:
        raise click.BadParameter(_ACTIVATED, param_hint="IDENTIFIER")
    if as_json:
        click.echo(_as_json(found, new))
    else:
        click.echo(new.code)
    click.echo(f"for {found.name}, good to the end of {new.last_day.isoformat()}", err=True)


@dataclass(frozen=True)
class _Line:
    number: int
    identifier: str
    """Comparable; empty when it cannot be one."""


def _many(parts: Parts, file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Make a code for each line of the file and return how many lines are bad."""
    console = Console(stderr=True)
    bad, made, seen = 0, 0, dict[str, int]()
    table = csv.writer(sys.stdout, lineterminator="\n")
    if not dry_run and not as_json:
        table.writerow(COLUMNS)
    try:
        with (
            file.open(encoding="utf-8-sig") as opened,
            Progress(console=console, disable=not console.is_terminal) as bar,
        ):
            task = bar.add_task("codes", total=sum(1 for _ in opened) or None)
            opened.seek(0)
            for lines in _batches(opened):
                good: list[tuple[_Line, Subject]] = []
                for line, outcome in _looked_up(parts, lines, seen):
                    if isinstance(outcome, str):
                        bad += 1
                        click.echo(f"{file}:{line.number}: {outcome}", err=True)
                    else:
                        good.append((line, outcome))
                made += len(good)
                codes = [] if dry_run else _made(parts, [subject for _, subject in good])
                for (line, subject), new in zip(good, codes, strict=False):
                    if new is None:
                        made, bad = made - 1, bad + 1
                        click.echo(f"{file}:{line.number}: {_ACTIVATED}", err=True)
                    elif as_json:
                        click.echo(_as_json(subject, new))
                    else:
                        table.writerow(_cells(subject, new).values())
                sys.stdout.flush()
                bar.update(task, completed=lines[-1].number)
    except UnicodeDecodeError:
        raise Unprepared(f"{file}: UTF-8 text is expected") from None
    click.echo(f"{made} {'would be made' if dry_run else 'made'}, {bad} bad", err=True)
    return bad


def _batches(opened: IO[str]) -> Iterator[list[_Line]]:
    lines = (
        _Line(number, comparable(text) or "") for number, text in enumerate(opened, start=1) if text.strip()
    )
    while batch := list(islice(lines, _BATCH)):
        yield batch


def _looked_up(
    parts: Parts, lines: list[_Line], seen: dict[str, int]
) -> Iterator[tuple[_Line, Subject | str]]:
    """Give each line with its account, or with what is expected there."""
    with parts.database.read() as connection:
        found = subjects(connection, [line.identifier for line in lines])
    for line in lines:
        subject = found.get(line.identifier)
        first = seen.setdefault(line.identifier, line.number)
        if subject is None:
            yield line, "identifier: no account has it"
        elif first != line.number:
            yield line, f"identifier: the same as in line {first}"
        else:
            yield line, _why_not(subject) or subject


def _why_not(subject: Subject) -> str | None:
    if subject.disabled:
        return "the account is disabled"
    if subject.activated:
        return _ACTIVATED
    return None


def _made(parts: Parts, found: list[Subject]) -> list[NewCode | None]:
    """Make the codes in one transaction; ``None`` for whom activated since they were looked up.

    Accounts are locked in one order, whoever else makes codes.
    """
    now = parts.clock.now()
    codes = dict[str, NewCode]()
    with parts.database.write() as connection:
        for one in sorted(found, key=lambda subject: subject.account_id):
            try:
                codes[one.account_id] = activation_codes.make(connection, parts.keyring, one.account_id, now)
            except AlreadyActivated:
                continue
            record(connection, Event.ACTIVATION_CODE_MADE, now, account_id=one.account_id)
    return [codes.get(one.account_id) for one in found]


def _cells(subject: Subject, new: NewCode) -> dict[str, str]:
    values = (subject.identifier, subject.name, new.code, new.last_day.isoformat())
    return dict(zip(COLUMNS, values, strict=True))


def _as_json(subject: Subject, new: NewCode) -> str:
    return json.dumps(_cells(subject, new), ensure_ascii=False)
