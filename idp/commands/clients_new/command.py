"""The verb ``idp clients new``."""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click

from idp.clients.model import Client, Profile
from idp.commands.clients_new.answers import Answers
from idp.commands.clients_new.client_file import checked_in_folder, file_text
from idp.commands.clients_new.frameworks import FRAMEWORKS
from idp.commands.clients_new.outcome import Outcome
from idp.commands.clients_new.questions import Interview, origin
from idp.configuration import ConfigurationErrors
from idp.outbound import reach_of
from idp.settings import Settings, load_settings

_NEEDED = ("client_id", "name", "framework", "address", "profiles")
_FLAGS: Mapping[str, str] = {"client_id": "CLIENT_ID", "profiles": "--profile", "scopes": "--scope"}


@click.command("new")
@click.argument("client_id", required=False)
@click.option("--name", help="The service's name as people see it, in French.")
@click.option("--framework", type=click.Choice(list(FRAMEWORKS)), help="What the service is built with.")
@click.option("--address", metavar="ORIGIN", help="Its address, https://host, without a path.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    type=click.Choice(get_args(Profile)),
    help="Whose accounts it admits; several times for several.",
)
@click.option(
    "--mfa", metavar="POLICY", help="Two factors: required (the default), optional, or a day YYYY-MM-DD."
)
@click.option(
    "--assistants",
    type=click.Choice(["allowed", "refused"]),
    help="Whether practitioners' assistants may use it; refused by default.",
)
@click.option("--scope", "scopes", multiple=True, help="A scope beside openid and profile; several times.")
@click.option(
    "--refresh-tokens", is_flag=True, default=None, help="It calls APIs for longer than five minutes."
)
@click.option(
    "--redirect-uri", metavar="ADDRESS", help="Where answers go, if not where the framework has it."
)
@click.option("--public", multiple=True, metavar="PATH", help="Behind the gateway: a path open to everybody.")
@click.option(
    "--upstream", metavar="HOST:PORT", help="Where the service itself listens, behind apache, nginx or caddy."
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="Put the secret into this new file, mode 600, instead of showing it.",
)
@click.option("--dry-run", is_flag=True, help="Print the file instead of writing it; nothing is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, with the secret.")
def command(secret_file: Path | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Write the file of a new service and print what its own people paste.

    On a terminal it asks for what the options leave open. The service's secret is made here and shown once: its file
    has the SHA-256 only. What is pasted goes to stdout and holds no secret, everything else goes to stderr.
    """
    # The protocol's addresses come with the whole protocol, which the other verbs of `idp clients` do not need.
    from idp.commands.clients_new.snippets import snippets

    settings = load_settings()
    answers = _said(given)
    if _left_open(answers) and sys.stdin.isatty() and sys.stderr.isatty():
        answers = Interview(answers, settings.clients_folder, settings.profiles).complete()
    shows = as_json or dry_run or sys.stderr.isatty()
    _refuse_what_is_missing(answers, shows=shows or secret_file is not None)
    _refuse_what_does_not_fit(answers, secret_file)
    answers = _with_defaults(answers)
    _refuse(answers.problems())

    secret = None if answers.built_with.behind_gateway else secrets.token_urlsafe(32)
    data = answers.data(hashlib.sha256((secret or "").encode()).hexdigest(), reach_of(settings))
    text = file_text(answers.built_with.label, data)
    client = _checked(answers, settings, text)
    outcome = Outcome(
        client=client,
        built_with=answers.built_with,
        issuer=settings.issuer,
        path=settings.clients_folder / f"{client.client_id}.yaml",
        text=text,
        snippets=snippets(answers, client, settings),
        secret=None if dry_run else secret,
        secret_file=secret_file,
        written=not dry_run,
        notes=_notes(answers, client, settings),
    )
    if not dry_run:
        outcome.keep()
    if as_json:
        outcome.tell_programs()
    else:
        outcome.tell_people()


def _said(given: Mapping[str, Any]) -> Answers:
    """Return what the options say; what was not given stays open."""
    said = {name: value for name, value in given.items() if value not in (None, ())}
    if "address" in said:
        said["address"] = origin(said["address"])
    return Answers(**said)


def _left_open(answers: Answers) -> list[str]:
    return [field for field in _NEEDED if not getattr(answers, field)]


def _with_defaults(answers: Answers) -> Answers:
    upstream = answers.upstream or ("127.0.0.1:8080" if answers.built_with.is_proxy else None)
    return replace(
        answers,
        mfa=answers.mfa or "required",
        assistants=answers.assistants or "refused",
        upstream=upstream,
    )


def _refuse_what_is_missing(answers: Answers, *, shows: bool) -> None:
    missing = [_flag(field) for field in _left_open(answers)]
    if not shows and answers.framework and not answers.built_with.behind_gateway:
        missing.append("--secret-file or --json")
    if missing:
        raise click.UsageError(f"needed where nobody can be asked: {', '.join(missing)}")


def _refuse_what_does_not_fit(answers: Answers, secret_file: Path | None) -> None:
    built = answers.built_with
    at_gateway = built.behind_gateway
    unfit = {
        "--redirect-uri": (at_gateway or built.settled) and answers.redirect_uri,
        "--refresh-tokens": answers.refresh_tokens and (at_gateway or not built.refreshes),
        "--secret-file": at_gateway and secret_file,
        "--public": not at_gateway and answers.public,
        "--upstream": not built.is_proxy and answers.upstream,
    }
    if flags := [flag for flag, given in unfit.items() if given]:
        raise click.UsageError(f"not for {answers.framework}: {', '.join(flags)}")


def _checked(answers: Answers, settings: Settings, text: str) -> Client:
    """Return the service as the whole folder makes it. Raises ``ConfigurationErrors`` when another file is wrong."""
    assert answers.client_id is not None
    path = settings.clients_folder / f"{answers.client_id}.yaml"
    if path.exists():
        raise click.UsageError(f"CLIENT_ID: another one, {path} is there")
    try:
        return checked_in_folder(settings, answers.client_id, text)
    except ConfigurationErrors as found:
        own = [error for error in found.errors if error.path == str(path)]
        _refuse((answers.field_of(error.key), error.expected) for error in own)
        raise


def _notes(answers: Answers, client: Client, settings: Settings) -> list[str]:
    notes = {
        "no backchannel_logout_uri: the provider may not call this address (setting outbound.allowed)": (
            answers.built_with.backchannel and client.backchannel_logout_uri is None
        ),
        "the gateway answers nobody while the setting gateway.proxy_secret_file is not there": (
            answers.built_with.behind_gateway and settings.gateway.proxy_secret_file is None
        ),
    }
    return [note for note, holds in notes.items() if holds]


def _refuse(problems: Iterator[tuple[str, str]]) -> None:
    lines = list(dict.fromkeys(f"{_flag(field)}: {expected}" for field, expected in problems))
    if lines:
        raise click.UsageError("\n       ".join(lines))


def _flag(field: str) -> str:
    return _FLAGS.get(field, "--" + field.replace("_", "-"))
