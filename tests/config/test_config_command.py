"""`idp config`: what it prints where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from tests.config.samples import CLIENT, SETTINGS, changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "portal.yaml").write_text(CLIENT, encoding="utf-8")
    (tmp_path / "idp.yaml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def idp(folder: Path, *arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"IDP_CONFIG": str(folder / "idp.yaml"), **environ})


def test_a_valid_configuration_is_one_line_of_words(folder: Path) -> None:
    result = idp(folder, "config", "check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "configuration is valid: settings and 1 client\n"


def test_a_valid_configuration_as_json(folder: Path) -> None:
    result = idp(folder, "config", "check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"ok": True, "clients": ["portal"], "errors": [], "warnings": []}


@pytest.mark.attack(71)
def test_every_mistake_of_every_file_is_one_unwrapped_line(folder: Path) -> None:
    portal, settings = folder / "clients" / "portal.yaml", folder / "idp.yaml"
    portal.write_text(changed(CLIENT, "https://portal", "https://*"), encoding="utf-8")
    settings.write_text(SETTINGS + "zzz: 1\n", encoding="utf-8")
    result = idp(folder, "config", "check", IDP_FOO="1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [f"{portal}:4:5", "redirect_uris[0]"],
        [f"{settings}:10:1", "zzz"],
        ["environment:0:0", "IDP_FOO"],
    ]


def test_mistakes_as_json_keep_the_lines_on_stderr(folder: Path) -> None:
    portal = folder / "clients" / "portal.yaml"
    portal.write_text(changed(CLIENT, "[openid]", "[profile]"), encoding="utf-8")
    result = idp(folder, "config", "check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errors"] == [
        {"path": str(portal), "line": 7, "column": 8, "key": "scope", "expected": "a list with openid"}
    ]
    assert result.stderr == f"{portal}:7:8: scope: a list with openid\n"


def test_no_client_is_a_warning(folder: Path) -> None:
    (folder / "clients" / "portal.yaml").unlink()
    result = idp(folder, "config", "check")
    assert result.exit_code == 0
    assert "warning: no client: nobody can sign in anywhere\n" in result.stderr


@pytest.mark.parametrize(
    ("service", "client", "expected"),
    [
        ("other", CLIENT, "the client_id of a client file"),
        ("portal", CLIENT, "a client whose file has initiate_login_uri"),
        (
            "portal",
            changed(CLIENT, "[insured]", "[employer]"),
            "a client whose file admits the profile insured",
        ),
        ("portal", CLIENT + "initiate_login_uri: https://portal.example.org/login\n", None),
    ],
)
def test_the_service_of_a_profile_is_a_client_that_can_start_a_sign_in(
    service: str, client: str, expected: str | None, folder: Path
) -> None:
    settings = changed(SETTINGS, "label: Assuré", f"label: Assuré\n    service: {service}")
    (folder / "idp.yaml").write_text(settings, encoding="utf-8")
    (folder / "clients" / "portal.yaml").write_text(client, encoding="utf-8")
    result = idp(folder, "config", "check")
    line = f"{folder}/idp.yaml:7:14: profiles.insured.service: {expected}\n"
    assert (result.exit_code, line in result.stderr) == ((1, True) if expected else (0, False))


def test_no_api_has_the_identifier_of_the_provider(folder: Path) -> None:
    client = CLIENT + "resource_identifier: https://idp.example.org\n"
    (folder / "clients" / "portal.yaml").write_text(client, encoding="utf-8")
    result = idp(folder, "config", "check")
    expected = "an address that is no resource_identifier; portal.yaml has this one"
    assert (result.exit_code, result.stderr) == (1, f"{folder}/idp.yaml:1:9: issuer: {expected}\n")


def test_a_plugin_that_is_missing_stops_the_check(folder: Path) -> None:
    (folder / "idp.yaml").write_text(SETTINGS + "plugins:\n  claims: [nothing]\n", encoding="utf-8")
    result = idp(folder, "config", "check")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{folder}/idp.yaml:11:3: plugins: no plugin 'nothing'")


def test_explain_says_value_origin_default_and_meaning(folder: Path) -> None:
    result = idp(folder, "config", "explain", "argon2.workers", IDP_ARGON2__WORKERS="7")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "argon2.workers = 7",
        "origin:  IDP_ARGON2__WORKERS",
        "default: 2",
        "meaning: How many hashes one process computes at the same time.",
    ]


UNCALLABLE = [
    "http://localhost:9/x",
    "http://127.0.0.1:9/x",
    "http://[::1]:9/x",
    "https://localhost/x",
    "https://10.1.2.3/x",
    "https://169.254.169.254/x",
    "https://[::ffff:10.1.2.3]/x",
    "https://[fd00::1]/x",
]


@pytest.mark.attack(32)
@pytest.mark.parametrize("address", UNCALLABLE)
def test_an_address_that_can_never_be_called_is_a_mistake_of_its_file(address: str, folder: Path) -> None:
    file = folder / "clients" / "portal.yaml"
    file.write_text(f"{CLIENT}backchannel_logout_uri: {address}\n", encoding="utf-8")
    expected = "https to a public address, or one that the setting outbound.allowed covers"
    result = idp(folder, "config", "check")
    assert (result.exit_code, result.stderr) == (
        1,
        f"{file}:9:25: backchannel_logout_uri: {expected}\n",
    )
    keys = changed(CLIENT, "client_secret_basic", "private_key_jwt").partition("client_secret_sha256")[0]
    keys += f"jwks_uri: {address}\nscope: [openid]\nprofiles: [insured]\n"
    file.write_text(keys, encoding="utf-8")
    assert idp(folder, "config", "check").stderr == f"{file}:6:11: jwks_uri: {expected}\n"
    assert idp(folder, "clients", "list").stderr == f"{file}:6:11: jwks_uri: {expected}\n"


@pytest.mark.parametrize("address", ["https://portal.inside/x", "https://93.184.216.34/x", *UNCALLABLE])
def test_an_address_that_may_be_called_is_none(address: str, folder: Path) -> None:
    inside = "outbound:\n  allowed: [127.0.0.1, '::1', 10.0.0.0/8, 169.254.169.254, 'fd00::/8']\n"
    (folder / "idp.yaml").write_text(SETTINGS + inside * (address in UNCALLABLE), encoding="utf-8")
    file = folder / "clients" / "portal.yaml"
    file.write_text(f"{CLIENT}backchannel_logout_uri: {address}\n", encoding="utf-8")
    assert idp(folder, "config", "check").exit_code == 0


@pytest.mark.parametrize(
    ("key", "value", "origin", "required"),
    [
        ("issuer", "https://idp.example.org", "idp.yaml:1:9", True),
        ("profiles.insured.mfa", "required", "default", False),
        ("support.email", None, "default", False),
    ],
)
def test_explain_as_json(key: str, value: object, origin: str, required: bool, folder: Path) -> None:
    explained = json.loads(idp(folder, "config", "explain", key, "--json").stdout)
    assert explained["key"] == key
    assert explained["value"] == value
    assert explained["origin"].replace(f"{folder}/", "") == origin
    assert explained["required"] is required


@pytest.mark.parametrize(
    "url", ["postgresql://idp:hid/den@p@db/idp?password=hidden", "postgresql://db/idp?password=hidden"]
)
def test_explain_masks_passwords(url: str, folder: Path) -> None:
    result = idp(folder, "config", "explain", "database_url", IDP_DATABASE_URL=url)
    assert result.exit_code == 0
    assert "hid" not in result.output
    assert "@db/idp" in result.output or "//db/idp" in result.output


def test_explain_of_an_unknown_key_suggests_one(folder: Path) -> None:
    result = idp(folder, "config", "explain", "argon2.worker")
    assert result.exit_code == 2
    assert "did you mean argon2.workers?" in result.stderr


def test_any_verb_shows_errors_of_configuration_as_lines(folder: Path) -> None:
    (folder / "idp.yaml").write_text("issuer: [\n", encoding="utf-8")
    result = idp(folder, "config", "explain", "issuer")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{folder}/idp.yaml:2:1: file: valid YAML")
    assert len(result.stderr.splitlines()) == 1


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("idp, version ")


def test_an_unknown_verb_is_refused() -> None:
    assert CliRunner().invoke(main, ["nothing"]).exit_code == 2
