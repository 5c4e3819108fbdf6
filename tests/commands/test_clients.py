"""`idp clients`: the services, one file by itself, a new secret."""

from __future__ import annotations

import json
import socket
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from tests.assertions import public_jwk
from tests.commands.conftest import Idp
from tests.config.samples import CLIENT, DIGEST, changed

ANYWHERE = {"IDP_CONFIG": "/nowhere/idp.yaml"}


def without_settings(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["clients", *arguments], env=ANYWHERE)


def listed(idp: Idp) -> list[dict[str, Any]]:
    shown = idp("clients", "list", "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(shown.stdout)["clients"]
    return found


def test_every_service_is_listed_in_the_order_of_identifiers(idp: Idp) -> None:
    found = listed(idp)
    assert [one["client_id"] for one in found] == sorted(one["client_id"] for one in found)
    by_id = {one["client_id"]: one for one in found}
    assert by_id["portal"] == {
        "client_id": "portal",
        "name": "Service portal",
        "token_endpoint_auth_method": "client_secret_basic",
        "floor": "pwd",
        "mfa": {"required_from": "2026-03-01"},
        "profiles": ["health_professional"],
        "assistants": "allowed",
        "grant_types": ["authorization_code"],
    }
    assert by_id["machine"]["grant_types"] == ["client_credentials"]


def test_the_list_for_people_says_the_same_without_any_digest(idp: Idp) -> None:
    shown = idp("clients", "list")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "portal  Service portal\n    token_endpoint_auth_method: client_secret_basic\n" in shown.stdout
    assert "    profiles: employer, health_professional, insured\n" in shown.stdout
    assert not any(len(word) == 64 for word in shown.stdout.split())


def test_a_service_whose_keys_are_elsewhere_is_listed_without_any_network(
    idp: Idp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = changed(
        changed(CLIENT, f"client_secret_sha256: {DIGEST}", "jwks_uri: https://partner.test/keys"),
        "client_secret_basic",
        "private_key_jwt",
    )
    (tmp_path / "clients" / "portal.yaml").write_text(remote + "initiate_login_uri: https://portal.test/\n")
    settings = json.loads((tmp_path / "idp.yaml").read_text())
    settings["profiles"]["health_professional"]["service"] = None
    (tmp_path / "idp.yaml").write_text(json.dumps(settings))

    def no_network(*_arguments: object, **_more: object) -> None:
        raise AssertionError("an address was called")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    methods = {one["client_id"]: one["token_endpoint_auth_method"] for one in listed(idp)}
    assert methods["portal"] == "private_key_jwt"
    told = json.loads(idp("clients", "show", "portal", "--json").stdout)
    assert told["jwks_uri"] == "https://partner.test/keys"


def test_one_service_is_shown_with_what_its_file_leaves_out(idp: Idp) -> None:
    shown = idp("clients", "show", "asserting", "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    told = json.loads(shown.stdout)
    assert told["jwks"] == {"keys": [public_jwk("ec")]}
    assert (told["pkce"], told["client_assertion_audience"]) == ("required", "issuer")
    assert told["scope"] == sorted(told["scope"])
    secret = idp("clients", "show", "open")
    assert "client_secret_sha256: 1\n" in secret.stdout
    assert "jwks_uri: none\n" in secret.stdout


def test_an_unknown_service_is_an_error_with_a_suggestion(idp: Idp) -> None:
    shown = idp("clients", "show", "portall")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "unknown client: did you mean portal?" in shown.stderr


def test_a_mistake_in_any_file_stops_the_list(idp: Idp, tmp_path: Path) -> None:
    (tmp_path / "clients" / "broken.yaml").write_text("client_id: broken\n")
    shown = idp("clients", "list", "--json")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"{tmp_path}/clients/broken.yaml:1:1: name: required" in shown.stderr


def test_a_file_is_checked_where_it_stands_without_settings(tmp_path: Path) -> None:
    file = tmp_path / "portal.yaml"
    file.write_text(changed(CLIENT, "[openid]", "[openid, scope.of.another.file]"), encoding="utf-8")
    shown = without_settings("check", str(file))
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "valid: portal\n")
    report = json.loads(without_settings("check", str(file), "--json").stdout)
    assert report == {"ok": True, "clients": ["portal"], "errors": []}


@pytest.mark.attack(71)
def test_every_mistake_of_every_file_is_one_line(tmp_path: Path) -> None:
    right, wrong, absent = (tmp_path / f"{name}.yaml" for name in ("portal", "wrong", "absent"))
    right.write_text(CLIENT, encoding="utf-8")
    wrong.write_text(changed(CLIENT, "https://portal", "https://*"), encoding="utf-8")
    shown = without_settings("check", str(right), str(wrong), str(absent), "--json")
    assert shown.exit_code == 1
    assert [line.split(": ")[:2] for line in shown.stderr.splitlines()] == [
        [f"{wrong}:1:12", "client_id"],
        [f"{wrong}:4:5", "redirect_uris[0]"],
        [f"{absent}:1:1", "file"],
    ]
    report = json.loads(shown.stdout)
    assert (report["ok"], report["clients"], len(report["errors"])) == (False, ["portal"], 3)


def test_a_new_secret_is_printed_once_with_the_line_for_its_file(tmp_path: Path) -> None:
    first, second = without_settings("new-secret"), without_settings("new-secret")
    assert first.exit_code == 0
    secret = first.stdout.removesuffix("\n")
    assert len(secret) >= 43
    assert secret != second.stdout.removesuffix("\n")
    assert first.stderr == f"client_secret_sha256: {sha256(secret.encode()).hexdigest()}\n"
    file = tmp_path / "portal.yaml"
    file.write_text(changed(CLIENT, f"client_secret_sha256: {DIGEST}\n", first.stderr), encoding="utf-8")
    assert without_settings("check", str(file)).exit_code == 0


def test_a_new_secret_as_json_goes_to_stdout_alone() -> None:
    shown = without_settings("new-secret", "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    told = json.loads(shown.stdout)
    assert told["client_secret_sha256"] == sha256(told["client_secret"].encode()).hexdigest()
