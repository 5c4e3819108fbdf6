"""The generated files are what the models say, and every key is explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from idp.cli import main
from idp.commands.config import MODELS, SCHEMA_FILES, generated
from idp.configuration import read_document
from idp.configuration.fields import leaves
from idp.configuration.reference import json_schema
from idp.resources import config_folder, templates_folder
from tests.config.samples import CLIENT, SETTINGS

CONFIG = config_folder()


def data_of(text: str, tmp_path: Path) -> Any:
    file = tmp_path / "file.yaml"
    file.write_text(text, encoding="utf-8")
    return read_document(file).data


def test_folders_of_the_checkout_are_found() -> None:
    assert (CONFIG / "idp.yaml").is_file()
    assert templates_folder().is_dir()


@pytest.mark.parametrize("path", generated(CONFIG, list(MODELS)), ids=lambda path: str(path.name))
def test_the_committed_file_is_the_generated_one(path: Path) -> None:
    expected = generated(CONFIG, list(MODELS))[path]
    assert path.read_text(encoding="utf-8") == expected, "run `idp config schema --write`"


@pytest.mark.parametrize("model", MODELS.values())
def test_every_key_has_a_description_and_stands_in_the_readme(model: type[BaseModel]) -> None:
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    for path, field in leaves(model):
        assert field.description, path
        assert f"| `{'.'.join(path)}` |" in readme


@pytest.mark.parametrize(("file", "name"), [("idp.yaml", "settings"), ("clients/fse-portal.yaml", "clients")])
def test_the_reference_files_name_their_schema_and_satisfy_it(file: str, name: str) -> None:
    path = CONFIG / file
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = (path.parent / first.partition("=")[2]).resolve()
    assert schema == CONFIG / "schemas" / SCHEMA_FILES[name]
    Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(read_document(path).data)


def test_the_committed_configuration_is_valid() -> None:
    result = CliRunner().invoke(main, ["config", "check"], env={"IDP_CONFIG": str(CONFIG / "idp.yaml")})
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clients", CLIENT),
        ("clients", CLIENT + "mfa: {required_from: 2026-03-01}\n"),
        ("settings", SETTINGS),
        ("settings", "max_assistants: 3\n"),
    ],
)
def test_the_schema_takes_what_the_model_takes(name: str, text: str, tmp_path: Path) -> None:
    schema = json_schema(MODELS[name])
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(data_of(text, tmp_path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clients", CLIENT + "zzz: 1\n"),
        ("clients", CLIENT + "floor: none\n"),
        ("clients", "client_id: portal\n"),
        ("settings", "max_assistants: 11\n"),
        ("settings", "profiles: {doctor: {label: x}}\n"),
        ("settings", "argon2: {worker: 1}\n"),
    ],
)
def test_the_schema_refuses_what_the_model_refuses(name: str, text: str, tmp_path: Path) -> None:
    assert not Draft202012Validator(json_schema(MODELS[name])).is_valid(data_of(text, tmp_path))


@pytest.mark.parametrize("what", MODELS)
def test_the_command_prints_the_schema(what: str) -> None:
    result = CliRunner().invoke(main, ["config", "schema", what])
    assert json.loads(result.stdout) == json_schema(MODELS[what])
