"""``idp demo``: provider, FSE portal and a portal behind the gateway on loopback, with seeded people."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from idp.demo.check import check
from idp.demo.failure import DemoFailed
from idp.demo.folder import locked
from idp.demo.interruption import Interruption
from idp.demo.legacy import Legacy
from idp.demo.ports import legacy_ports, two_ports
from idp.demo.processes import running
from idp.demo.proxy import installed_proxy
from idp.demo.show import show_tokens, shown
from idp.demo.world import DAYS_BEFORE_OBLIGATION, World, open_world
from idp.storage.errors import StorageUnavailable

DEFAULT_FOLDER = Path("var/demo")
DEFAULT_PORTS = (5080, 5081)
LEGACY_PORT = 5082

_PORT = click.IntRange(0, 65535)


class _Day(click.ParamType[date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        del param, ctx
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise click.ClickException(
                f"--mfa-date: a day such as 2026-03-01 is expected, not {value}"
            ) from None


@click.command()
@click.option("--port", type=_PORT, help=f"The provider's; 0: any.  [default: {DEFAULT_PORTS[0]}]")
@click.option("--portal-port", type=_PORT, help=f"The portal's; 0: any.  [default: {DEFAULT_PORTS[1]}]")
@click.option(
    "--legacy-port",
    type=_PORT,
    help="That of nginx or Caddy, whichever is installed, before the portal that knows only headers; 0: any.  "
    f"[default: {LEGACY_PORT}; any if that is in use, or another port was chosen]",
)
@click.option("--data", type=click.Path(path_type=Path), help=f"Kept folder.  [default: {DEFAULT_FOLDER}]")
@click.option(
    "--mfa-date",
    type=_Day(),
    help=f"First day of obligation.  [default: in {DAYS_BEFORE_OBLIGATION} days]",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON on stdout once both answer.")
@click.option(
    "--check",
    "checking",
    is_flag=True,
    help="Walk the story over HTTP and stop; without --data and ports: in a folder and on ports of its own.",
)
def command(
    port: int | None,
    portal_port: int | None,
    legacy_port: int | None,
    data: Path | None,
    mfa_date: date | None,
    as_json: bool,
    checking: bool,
) -> None:
    """Run the demonstration until Ctrl-C."""
    console = Console(stderr=True, quiet=as_json)
    interruption = Interruption()
    interruption.install()
    defaults = (0, 0) if checking else DEFAULT_PORTS
    ports = (defaults[0] if port is None else port, defaults[1] if portal_port is None else portal_port)
    try:
        with (
            _opened(console, data, checking, ports, legacy_port, mfa_date) as world,
            running(world, interruption) as servers,
        ):
            if checking:
                tokens = check(world, lambda line: console.print(f"· {line}"))
                click.echo(json.dumps(asdict(tokens), ensure_ascii=False)) if as_json else show_tokens(tokens)
                console.print("[green]every journey ended as the story tells[/green]")
            elif as_json:
                click.echo(json.dumps(world.description(), ensure_ascii=False))
                servers.wait(lambda: None)
            else:
                with shown(console, world) as renew:
                    servers.wait(renew)
    except KeyboardInterrupt:
        console.print("stopped")
        sys.exit(1 if checking else 0)
    except DemoFailed as failure:
        _stop(str(failure))


@contextmanager
def _opened(
    console: Console,
    data: Path | None,
    checking: bool,
    ports: tuple[int, int],
    legacy_port: int | None,
    mfa_date: date | None,
) -> Iterator[World]:
    """Give the world of the kept folder; a check without one walks in a folder that goes with it."""
    own = checking and data is None
    with (
        tempfile.TemporaryDirectory(prefix="idp-check-")
        if own
        else nullcontext(data or DEFAULT_FOLDER) as name
    ):
        folder = Path(name)
        try:
            with locked(folder):
                console.print(f"preparing the demo in {folder} ...", highlight=False)
                both = two_ports(*ports)
                world = open_world(folder, *both, mfa_date, _legacy(legacy_port, both))
                behind = f", and {world.legacy.proxy.name} with a portal behind it" if world.legacy else ""
                console.print(f"starting provider and portal{behind} ...")
                yield world
        except (OSError, StorageUnavailable) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise DemoFailed(f"the folder {folder} cannot be used: {why}") from error


def _legacy(wanted: int | None, taken: tuple[int, int]) -> Legacy | None:
    proxy = installed_proxy()
    # Beside a demo on the usual ports another one starts on others: they must not both find 5082 free.
    usual = LEGACY_PORT if taken == DEFAULT_PORTS else 0
    return Legacy(proxy, *legacy_ports(wanted, usual, taken)) if proxy else None


def _stop(line: str) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(1)
