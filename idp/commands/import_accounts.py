"""``idp accounts import``: accounts from a file, resumable, bad rows named by their line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import IntegrityError

from idp.accounts.import_file import AccountFile, BadLine, Expected, Row
from idp.accounts.importing import BATCH, Sorted, add_all, sort_out
from idp.app import Parts
from idp.commands.opened import Unprepared, open_parts
from idp.rules.claims import STANDARD_SCOPES
from idp.settings import load_settings

_NOT_COLUMNS = {"name", "profile", "updated_at"}
"""Claims that have the name of something else, or that only the provider can tell."""

_ATTEMPTS = 3


@dataclass
class _Counts:
    imported: int = 0
    present: int = 0
    bad: int = 0

    def told(self, imported: str) -> str:
        return f"{self.imported:,} {imported}, {self.present:,} present already, {self.bad:,} bad"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rejects",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Where bad rows are listed.  [default: stderr]",
)
@click.option("--dry-run", is_flag=True, help="Check every row, add nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as one JSON object on stdout.")
def import_(file: Path, rejects: IO[str] | None, dry_run: bool, as_json: bool) -> None:
    """Add the accounts of FILE: comma-separated values in UTF-8, between `,` or `;`, one account a line.

    The first line names the columns: identifier, name, profile; if wanted password_hash (Argon2id, or what the password
    factor takes over from elsewhere) and claims such as email, phone_number, locale, matricule_csm. Good rows are added
    a thousand at a time, bad ones listed as file:line: column: what is expected. Run again after an interruption: what
    is there already with the same data is left alone. Exit code 0 when no row was bad.
    """
    parts = open_parts(settings := load_settings())
    claims = {claim for scope in STANDARD_SCOPES.values() for claim in scope}
    claims.update(claim for scope in parts.plugins.scopes.values() for claim in scope)
    expected = Expected(list(settings.profiles), claims - _NOT_COLUMNS, parts.plugins.knowledge.accepts)
    counts, done = _Counts(), "would be imported" if dry_run else "imported"
    console = Console(stderr=True)
    try:
        with file.open("rb") as opened, _bar(console) as bar:
            task = bar.add_task("", total=file.stat().st_size or None)
            lines = AccountFile(opened, expected)
            for batch in _batches(lines):
                for bad in _import(parts, batch, file.name, counts, dry_run=dry_run):
                    _list(f"{file}:{bad}", rejects, console)
                bar.update(task, completed=lines.bytes_read, description=counts.told(done))
    except BadLine as bad:
        raise Unprepared(f"{file}:{bad}") from None
    except KeyboardInterrupt:
        click.echo(f"stopped: {counts.told(done)}; run it again to go on", err=True)
        sys.exit(1)
    except OSError as error:
        raise Unprepared(f"{file}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(asdict(counts)))
    click.echo(counts.told(done), err=True)
    sys.exit(1 if counts.bad else 0)


def _batches(lines: Iterable[Row | BadLine]) -> Iterator[list[Row | BadLine]]:
    following = iter(lines)
    while batch := list(islice(following, BATCH)):
        yield batch


def _import(
    parts: Parts, batch: list[Row | BadLine], file: str, counts: _Counts, *, dry_run: bool
) -> list[BadLine]:
    """Add the good rows of a batch, count all, and return what is bad in the order of the lines."""
    rows = [row for row in batch if isinstance(row, Row)]
    found = _checked(parts, rows) if dry_run else _added(parts, rows, file)
    bad = sorted(
        [*(line for line in batch if isinstance(line, BadLine)), *found.bad], key=lambda line: line.line
    )
    counts.imported += len(found.new)
    counts.present += found.present
    counts.bad += len(bad)
    return bad


def _checked(parts: Parts, rows: list[Row]) -> Sorted:
    with parts.database.read() as connection:
        return sort_out(connection, rows)


def _added(parts: Parts, rows: list[Row], file: str) -> Sorted:
    for left in reversed(range(_ATTEMPTS)):
        try:
            with parts.database.write() as connection:
                found = sort_out(connection, rows)
                add_all(connection, found.new, file, parts.clock.now())
                return found
        except IntegrityError:
            # Somebody added one of them at the same moment: at the next look it is there.
            if not left:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bar(console: Console) -> Progress:
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _list(line: str, rejects: IO[str] | None, console: Console) -> None:
    if rejects is not None:
        rejects.write(f"{line}\n")
    else:
        console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
