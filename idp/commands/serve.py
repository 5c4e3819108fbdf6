"""``idp serve``: the provider for people."""

from __future__ import annotations

import sys

import click

from idp.serving import Server, unprepared, unsafe
from idp.settings import load_settings


@click.command()
def command() -> None:
    """Serve the provider until SIGTERM; unsafe settings are refused."""
    settings = load_settings()
    reasons = unsafe(settings) or unprepared(settings)
    for reason in reasons:
        click.echo(reason, err=True)
    if reasons:
        sys.exit(1)
    sys.argv = sys.argv[:1]
    Server(settings).run()
