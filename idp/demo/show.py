"""What the demo shows to a person."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyotp
import segno
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from idp.demo.check import Tokens
from idp.demo.legacy import MISSING
from idp.demo.world import World

_STEP_SECONDS = 30


@contextmanager
def shown(console: Console, world: World) -> Iterator[Callable[[], None]]:
    """Print addresses, a QR code, people and codes; what is given renews the codes, where the terminal can."""
    _show_places(console, world)
    if not console.is_terminal:
        console.print(_people(world))
        console.print("With --json it tells the phones' keys instead, for codes at any time.")
        yield lambda: None
        return
    with Live(_people(world), console=console, auto_refresh=False) as live:
        yield lambda: live.update(_people(world), refresh=True)


def show_tokens(tokens: Tokens) -> None:
    """Print the two ID tokens side by side on stdout; what only one of them says, or says otherwise, is marked."""
    table = Table(title="ID tokens", title_justify="left")
    for heading in ("", "claim", "the doctor's", "the assistant's"):
        table.add_column(heading, overflow="fold")
    for name in dict.fromkeys([*tokens.doctor, *tokens.assistant]):
        told = [_told(claims, name) for claims in (tokens.doctor, tokens.assistant)]
        same = told[0] == told[1]
        table.add_row("" if same else "≠", name, *told, style="dim" if same else "bold")
    Console().print(table)


def _show_places(console: Console, world: World) -> None:
    places = Table(title="Where", title_justify="left", show_header=False)
    legacy = world.legacy
    for name, address in (
        ("FSE portal", world.portal),
        (f"Portal behind {legacy.proxy.name}", legacy.origin)
        if legacy
        else ("Portal behind a proxy", f"left out: {MISSING}"),
        ("Provider", world.issuer),
        ("Profil", world.profile),
    ):
        places.add_row(name, address)
    console.print(places)
    doctor = next((one for one in world.accounts() if one["totp_secret"]), None)
    if doctor is not None:
        console.print(f"To have {doctor['name']}'s codes on a phone, scan this:")
        uri = world.parts.plugins.possession.enrolment_uri(doctor["totp_secret"], doctor["identifier"])
        drawn = io.StringIO()
        segno.make(uri, micro=False).terminal(drawn, compact=True)
        # White blocks on black whatever the terminal's colours: apps do not read an inverted code.
        console.print(Text(drawn.getvalue().rstrip(), style="#ffffff on #000000"))
    console.print("Over plain http cookies have no __Host- prefix: a demonstration, not for people's data.")
    console.print("Ctrl-C ends all of it.")


def _people(world: World) -> Table:
    now = world.parts.clock.now()
    left = _STEP_SECONDS - int(now.timestamp()) % _STEP_SECONDS
    table = Table(
        title="Who", title_justify="left", caption=f"the next codes in {left} s", caption_justify="left"
    )
    for heading in ("role", "name", "identifier", "password", "code"):
        table.add_column(heading, no_wrap=heading != "name")
    for one in world.accounts():
        code = pyotp.TOTP(one["totp_secret"]).at(now) if one["totp_secret"] else "–"
        table.add_row(one["role"], escape(one["name"]), one["identifier"], one["password"], code)
    return table


def _told(claims: dict[str, object], name: str) -> str:
    return escape(json.dumps(claims[name], ensure_ascii=False)) if name in claims else "–"
