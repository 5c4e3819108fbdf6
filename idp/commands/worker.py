"""``idp worker``: background work beside the provider."""

from __future__ import annotations

import signal
from threading import Event

import click

from idp.app import parts_of
from idp.settings import load_settings
from idp.worker import work


@click.command()
def command() -> None:
    """Clear away what is over, once a minute, until SIGTERM."""
    stop = Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    work(parts_of(load_settings()), stop)
