"""The table of ``config/PRIVACY.md``: what is held, given out, erased, and for how long, from the declaration.

``python -m tests.privacy_table`` prints it, with ``--write`` it goes into the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from idp.accounts.personal_data import PERSONAL_DATA, Held
from tests.generated_part import command

RECORD = Path(__file__).parents[1] / "config" / "PRIVACY.md"
NAME = "tables"


def table() -> str:
    """Return the table in Markdown, a line for each table of the database."""
    lines = [
        "| table | what it holds | in an export | account erased | assistant erased | kept |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{name}` | {held.what} | {_given(held)} | {_with_account(held)} | {_with_assistant(held)} | {held.kept} |"
        for name, held in PERSONAL_DATA.items()
    ]
    return "".join(f"{line}\n" for line in lines)


def _given(held: Held) -> str:
    if not held.given:
        return "no"
    return f"all but {_columns(held.withheld)}" if held.withheld else "all"


def _with_account(held: Held) -> str:
    return "–" if held.with_account == "stays" else held.with_account


def _with_assistant(held: Held) -> str:
    if held.scrubbed:
        return f"loses {_columns(held.scrubbed)}"
    if held.delegation or held.person:
        return held.with_assistant
    return "deleted where they name them" if held.with_assistant == "deleted" else "–"


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@click.command()
@click.option("--write", is_flag=True, help="Write it into the record.")
def main(*, write: bool) -> None:
    """Print what is held about people, table by table."""
    command(RECORD, NAME, table(), write=write)


if __name__ == "__main__":
    main()
