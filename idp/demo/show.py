"""What the demo prints for a person."""

from __future__ import annotations

import json
import sys

import pyotp
import segno
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from idp.demo.check import Tokens
from idp.demo.world import World


def show_world(console: Console, world: World) -> None:
    """Print addresses, people, passwords, the codes of this moment, and a QR code to hold a phone to."""
    told = world.description
    places = Table(title="Where", title_justify="left", show_header=False)
    places.add_row("FSE portal", told["portal"])
    places.add_row("Provider", told["issuer"])
    places.add_row("Profil", told["profile"])
    people = Table(title="Who", title_justify="left")
    for heading in ("role", "name", "identifier", "password", "code now", "key of the authenticator"):
        people.add_column(heading, no_wrap=heading != "name")
    now = world.parts.clock.now()
    for one in told["accounts"]:
        secret = one["totp_secret"]
        code = pyotp.TOTP(secret).at(now) if secret else "–"
        people.add_row(one["role"], one["name"], one["identifier"], one["password"], code, secret or "–")
    console.print(places)
    console.print(people)
    doctor = next(
        (one for one in told["accounts"] if one["role"] == "practitioner" and one["totp_secret"]), None
    )
    if doctor is not None:
        console.print(f"To see codes on your phone, scan this for {doctor['name']}:")
        uri = world.parts.plugins.possession.enrolment_uri(doctor["totp_secret"], doctor["identifier"])
        segno.make(uri, micro=False).terminal(out=sys.stderr, compact=True)
    console.print("Over plain http cookies have no __Host- prefix: a demonstration, not for people's data.")
    console.print("Ctrl-C ends both.")


def show_tokens(console: Console, tokens: Tokens) -> None:
    """Print the two ID tokens side by side; what only one of them says, or says otherwise, is marked."""
    table = Table(title="ID tokens", title_justify="left")
    for heading in ("", "claim", "the doctor's", "the assistant's"):
        table.add_column(heading, overflow="fold")
    for name in dict.fromkeys([*tokens.doctor, *tokens.assistant]):
        told = [_told(claims, name) for claims in (tokens.doctor, tokens.assistant)]
        same = told[0] == told[1]
        table.add_row("" if same else "≠", name, *told, style="dim" if same else "bold")
    console.print(table)
    console.print("[green]every journey ended as the story tells[/green]")


def _told(claims: dict[str, object], name: str) -> str:
    return escape(json.dumps(claims[name], ensure_ascii=False)) if name in claims else "–"
