"""``idp demo``: provider and FSE portal on loopback, with seeded people."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import requests
from rich.console import Console

from idp.demo.check import CheckFailed, check
from idp.demo.processes import DemoFailed, free_port, running
from idp.demo.show import show_tokens, show_world
from idp.demo.world import World, open_world

DEFAULT_FOLDER = Path("var/demo")


@click.command()
@click.option(
    "--port",
    default=5080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Provider; 0: any free one.",
)
@click.option("--portal-port", default=5081, show_default=True, type=click.IntRange(0, 65535), help="Portal.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Kept folder.  [default: {DEFAULT_FOLDER}]",
)
@click.option(
    "--mfa-date", type=click.DateTime(["%Y-%m-%d"]), help="First day of obligation.  [default: in 90 days]"
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on stdout once both answer.")
@click.option("--check", "checking", is_flag=True, help="Walk the story over HTTP and stop.")
def command(
    port: int, portal_port: int, data: Path | None, mfa_date: datetime | None, as_json: bool, checking: bool
) -> None:
    """Run the demonstration until Ctrl-C."""
    console = Console(stderr=True, quiet=as_json)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with _folder(data, checking) as folder:
            world = _opened(folder, 0 if checking and port == 5080 else port, portal_port, checking, mfa_date)
            with running(world) as pair:
                if checking:
                    show_tokens(console, check(world, lambda line: console.print(f"· {line}")))
                    return
                if as_json:
                    click.echo(json.dumps(world.description, ensure_ascii=False))
                else:
                    show_world(console, world)
                pair.wait()
    except KeyboardInterrupt:
        console.print("stopped")
    except (CheckFailed, DemoFailed) as failure:
        _stop(str(failure))
    except requests.RequestException as failure:
        _stop(f"a page of the demo did not answer: {type(failure).__name__}")


@contextmanager
def _folder(data: Path | None, checking: bool) -> Iterator[Path]:
    """Give the kept folder; a check without one walks in a folder that goes with it, where every code is fresh."""
    if checking and data is None:
        with tempfile.TemporaryDirectory(prefix="idp-check-") as folder:
            yield Path(folder)
    else:
        yield data or DEFAULT_FOLDER


def _opened(folder: Path, port: int, portal_port: int, checking: bool, mfa_date: datetime | None) -> World:
    own = free_port(port)
    others = free_port(0 if checking and portal_port == 5081 else portal_port)
    if own == others:
        raise DemoFailed(f"provider and portal need two ports, not {own} twice")
    try:
        return open_world(folder, own, others, mfa_date.date() if mfa_date else None)
    except OSError as error:
        raise DemoFailed(f"the folder {folder} cannot be used: {error.strerror}") from error


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _stop(line: str) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(1)
