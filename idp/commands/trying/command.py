"""``idp clients try``: walks a service's sign-in against the running provider and says what is wrong in plain words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
import pyotp

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clock import Clock, SystemClock
from idp.commands.trying.calling import Caller
from idp.commands.trying.finding import Finding
from idp.commands.trying.person import Person
from idp.commands.trying.trial import Trial
from idp.commands.trying.walk import walked
from idp.configuration.fields import suggestion
from idp.outbound import reach_of
from idp.plugins import load_plugins
from idp.settings import Settings, load_settings

_WORDS = {"right": "ok     ", "advice": "advice ", "unknown": "?      ", "wrong": "WRONG  "}
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command("try")
@click.argument("client_id")
@click.option("--issuer", help="The running provider.  [default: the settings' issuer]")
@click.option("--start", help="The page where a sign-in begins.  [default: initiate_login_uri]")
@click.option("--secret-file", type=_FILE, help="Holds the service's secret; on a terminal it is asked for.")
@click.option("--identifier", help="Sign in as this person, too, up to what the service shows.")
@click.option("--password-file", type=_FILE, help="Holds their password; on a terminal it is asked for.")
@click.option(
    "--totp-secret-file",
    type=_FILE,
    help="Holds the key of their phone; on a terminal its code is asked for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def try_(
    ctx: click.Context,
    client_id: str,
    issuer: str | None,
    start: str | None,
    secret_file: Path | None,
    identifier: str | None,
    password_file: Path | None,
    totp_secret_file: Path | None,
    as_json: bool,
) -> None:
    """Walk a sign-in of the service CLIENT_ID as a browser and as the service do, and say what is wrong.

    One line a finding, with what to do; exit code 1 when something is wrong. It calls the addresses of the file
    wherever they lead, changes nothing, and ends no session. With --identifier somebody really signs in, agrees to what
    is asked on the way, has it in their journal and is signed out at the end: take an account for tests.
    """
    settings = load_settings()
    client = _client(settings, client_id)
    trial = Trial(
        client,
        (issuer or settings.issuer).rstrip("/"),
        Caller(settings.outbound.ca_file),
        SystemClock(),
        lambda words: click.echo(f"… {words}", err=True),
    )
    person = None
    if identifier is not None:
        person = Person(
            identifier,
            _asked(password_file, "Password", "--password-file"),
            _codes(totp_secret_file, trial.clock),
        )
    elif password_file or totp_secret_file:
        raise click.UsageError("--identifier is expected with them")
    secret = _secret(secret_file)
    findings = []
    for finding in walked(trial, start, secret, person):
        findings.append(finding)
        if not as_json:
            click.echo(_line(finding))
    wrong = sum(one.level == "wrong" for one in findings)
    if as_json:
        told = {"client_id": client_id, "issuer": trial.issuer, "ok": not wrong}
        click.echo(json.dumps({**told, "findings": [asdict(one) for one in findings]}, ensure_ascii=False))
    click.echo(f"{client.name}: {f'{wrong} wrong' if wrong else 'nothing wrong'}", err=True)
    ctx.exit(1 if wrong else 0)


def _client(settings: Settings, client_id: str) -> Client:
    scopes = frozenset(load_plugins(settings).scopes)
    clients = ClientRegistry.load(settings.clients_folder, scopes, reach_of(settings))
    client = clients.get(client_id)
    if client is None:
        known = [one.client_id for one in clients]
        raise click.BadParameter(f"unknown client: {suggestion(client_id, known)}", param_hint="CLIENT_ID")
    return client


def _line(finding: Finding) -> str:
    todo = f" → {finding.todo}" if finding.todo else ""
    return f"{_WORDS[finding.level]}{finding.about}: {finding.says}.{todo}"


def _secret(file: Path | None) -> Callable[[], str | None]:
    """Return what gives the secret: a file is read at once, a person asked when it is needed."""
    if file is not None:
        held = _read(file, "--secret-file")
        return lambda: held

    def given() -> str | None:
        if not sys.stdin.isatty():
            return None
        typed: str = click.prompt(
            "The service's secret (empty: not tried)",
            default="",
            hide_input=True,
            show_default=False,
            err=True,
        )
        return typed or None

    return given


def _asked(file: Path | None, what: str, option: str) -> Callable[[], str]:
    if file is not None:
        held = _read(file, option)
        return lambda: held

    def given() -> str:
        typed: str = click.prompt(what, hide_input=True, err=True)
        return typed

    return given


def _codes(file: Path | None, clock: Clock) -> Callable[[], str]:
    option = "--totp-secret-file"
    given = _asked(file, "Code", option)
    if file is None:
        return given
    key = given().replace(" ", "").upper()
    try:
        empty = not pyotp.TOTP(key).byte_secret()
    except ValueError:
        empty = True
    if empty:
        expected = "the key of a phone in base32 (A to Z, 2 to 7) is expected"
        raise click.BadParameter(expected, param_hint=option)
    return lambda: pyotp.TOTP(key).at(clock.now())


def _read(file: Path, option: str) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8") as opened:
            text: str = opened.read()
    except UnicodeDecodeError:
        raise click.BadParameter("a file of text in UTF-8 is expected", param_hint=option) from None
    return text.strip("\r\n")
