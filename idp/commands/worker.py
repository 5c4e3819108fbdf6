"""``idp worker``: background work beside the provider."""

from __future__ import annotations

import signal
from threading import Event

import click

from idp.commands.opened import open_parts
from idp.settings import load_settings
from idp.worker import work


@click.command()
def command() -> None:
    """Tell services of ended sessions, send notices, remind of ends, clear away what is over, until SIGTERM."""
    settings = load_settings()
    parts = open_parts(settings)
    stop = Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    work(settings, parts, stop)
