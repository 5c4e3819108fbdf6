"""``idp config``: check the configuration, print its JSON Schema, explain one setting."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.configuration import ConfigurationError, ConfigurationErrors
from idp.configuration.fields import field_at, leaves, suggestion
from idp.configuration.reference import default_of, json_schema, table
from idp.outbound import reach_of
from idp.plugins import PluginError, load_plugins
from idp.resources import config_folder
from idp.services import check_services
from idp.settings import Settings, load_settings, settings_file

MODELS: dict[str, type[BaseModel]] = {"settings": Settings, "clients": Client}
SCHEMA_FILES = {"settings": "settings.schema.json", "clients": "client.schema.json"}

_MASK = "***"


@click.group(name="config")
def command() -> None:
    """Check and explain the configuration."""


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Read the settings and every client file, and say everything that is wrong."""
    clients, errors = _read_all()
    warnings = [] if clients or errors else ["no client: nobody can sign in anywhere"]
    if as_json:
        report = {
            "ok": not errors,
            "clients": [client.client_id for client in clients],
            "errors": [error.as_dict() for error in errors],
            "warnings": warnings,
        }
        click.echo(json.dumps(report, ensure_ascii=False))
    for line in [*errors, *(f"warning: {warning}" for warning in warnings)]:
        click.echo(str(line), err=True)
    if errors:
        ctx.exit(1)
    click.echo(f"configuration is valid: settings and {_counted(clients)}", err=True)


@command.command()
@click.argument("what", type=click.Choice(list(MODELS)), required=False)
@click.option("--write", is_flag=True, help="Write config/schemas and the tables of config/README.md.")
def schema(what: str | None, write: bool) -> None:
    """Print the JSON Schema of the settings file or of the client files (both: an object of the two)."""
    names = [what] if what else list(MODELS)
    if write:
        for path, text in generated(config_folder(), names).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            click.echo(f"written: {path}", err=True)
        return
    schemas = {name: json_schema(MODELS[name]) for name in names}
    click.echo(json.dumps(schemas[what] if what else schemas, ensure_ascii=False, indent=2))


@command.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def explain(key: str, as_json: bool) -> None:
    """Say what the setting KEY (such as argon2.workers) is now, where that was set, and what it means."""
    location = tuple(key.split("."))
    field = field_at(Settings, location)
    if field is None:
        known = suggestion(key, Settings.model_fields, (".".join(path) for path, _ in leaves(Settings)))
        raise click.BadParameter(f"unknown setting: {known}", param_hint="KEY")
    settings = load_settings()
    default = default_of(field)
    explained = {
        "key": key,
        "value": _masked(_value_at(settings.model_dump(mode="json"), location)),
        "origin": settings.origin(location),
        "default": None if default is PydanticUndefined else default,
        "required": default is PydanticUndefined,
        "meaning": field.description,
    }
    if as_json:
        click.echo(json.dumps(explained, ensure_ascii=False))
        return
    shown = "none, required" if default is PydanticUndefined else json.dumps(default, ensure_ascii=False)
    click.echo(f"{key} = {json.dumps(explained['value'], ensure_ascii=False)}", err=True)
    click.echo(f"origin:  {explained['origin']}", err=True)
    click.echo(f"default: {shown}", err=True)
    click.echo(f"meaning: {field.description}", err=True)


def generated(folder: Path, names: list[str]) -> dict[Path, str]:
    """Return the text of every generated file: the schemas of ``names``, and the README with all tables."""
    files = {
        folder / "schemas" / SCHEMA_FILES[name]: json.dumps(
            json_schema(MODELS[name]), ensure_ascii=False, indent=2
        )
        + "\n"
        for name in names
    }
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, model in MODELS.items():
        start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
        before, _, rest = text.partition(start)
        text = before + start + table(model) + end + rest.partition(end)[2]
    return files | {readme: text}


def _read_all() -> tuple[list[Client], tuple[ConfigurationError, ...]]:
    clients: list[Client] = []
    errors: list[ConfigurationError] = []
    settings, scopes, folder = None, None, settings_file().parent / "clients"
    try:
        settings = load_settings()
        folder = settings.clients_folder
        scopes = frozenset(load_plugins(settings).scopes)
    except ConfigurationErrors as found:
        errors += found.errors
    except PluginError as error:
        assert settings is not None
        errors.append(settings.error(("plugins",), str(error)))
    try:
        registry = ClientRegistry.load(folder, scopes, None if settings is None else reach_of(settings))
        clients = sorted(registry, key=lambda client: client.client_id)
        if settings is not None:
            check_services(settings, registry)
    except ConfigurationErrors as found:
        errors += found.errors
    return clients, ConfigurationErrors(errors).errors


def _counted(clients: list[Client]) -> str:
    return f"{len(clients)} client{'' if len(clients) == 1 else 's'}"


def _value_at(data: Any, location: tuple[str, ...]) -> Any:
    for name in location:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def _masked(value: Any) -> Any:
    """Return ``value`` without the user part and the query of a URL, where passwords stand."""
    if not isinstance(value, str):
        return value
    return re.sub(
        r"\?.*", f"?{_MASK}", re.sub(r"(://).*@", rf"\1{_MASK}@", value, flags=re.DOTALL), flags=re.DOTALL
    )
