"""What the verbs work on: the parts that the settings name, over tables of this version."""

from __future__ import annotations

from typing import IO, Any

import click

from idp.app import Parts, parts_of
from idp.settings import Settings
from idp.storage.migrate import pending


class Unprepared(click.ClickException):
    """Something has to be done first; shown as one line, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line alone, as errors of configuration are."""
        click.echo(self.message, file=file, err=True)


def open_parts(settings: Settings) -> Parts:
    """Return the parts. Raises ``Unprepared`` before `idp db upgrade`, and what ``parts_of`` raises."""
    parts = parts_of(settings)
    if pending(parts.database):
        raise Unprepared("database: `idp db upgrade` is expected first")
    return parts
