"""Parts of a README that are generated: between two markers, so that the rest stays written by hand."""

from __future__ import annotations

from pathlib import Path

import click


def with_part(text: str, name: str, part: str) -> str:
    """Return ``text`` with ``part`` between the markers of ``name``. Raises ``ValueError`` when they are not there."""
    start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    before, opened, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"the markers of {name!r} are missing")
    return before + start + part + end + after


def command(readme: Path, name: str, part: str, *, write: bool) -> None:
    """Print ``part``, or write it into ``readme``."""
    if write:
        readme.write_text(with_part(readme.read_text(encoding="utf-8"), name, part), encoding="utf-8")
    else:
        click.echo(part, nl=False)
