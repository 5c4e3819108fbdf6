"""``idp clients try`` at services that were not made for it: Express, the FSE portal, nginx and Caddy as gateways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from tests.demo_process import running_demo
from tests.gateway.world import PROXIES, World, running_world
from tests.interop.running import DIGEST, SECRET, node_app, running_provider
from tests.provider import Someone
from tests.servers import free_port

pytestmark = pytest.mark.server


def tried(config: Path, *arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(
        main, ["clients", "try", *arguments], env={"IDP_CONFIG": str(config), **variables}
    )


def files_of(folder: Path, **contents: str) -> list[str]:
    options: list[str] = []
    for name, content in contents.items():
        (folder / name).write_text(content)
        options += [f"--{name.replace('_', '-')}", str(folder / name)]
    return options


def as_somebody(folder: Path, who: Someone) -> list[str]:
    files = files_of(folder, password_file=who.password, totp_secret_file=who.secret or "")
    return ["--identifier", who.identifier, *files]


def of_level(result: Result, level: str) -> list[str]:
    return [
        line.removeprefix(level).lstrip() for line in result.stdout.splitlines() if line.startswith(level)
    ]


def test_express_openid_connect_passes_with_an_answer_by_form(tmp_path: Path) -> None:
    service = f"http://127.0.0.1:{free_port()}"
    client = {
        "client_id": "express",
        "name": "Service en Express",
        "redirect_uris": [f"{service}/callback"],
        "post_logout_redirect_uris": [service],
        "backchannel_logout_uri": f"{service}/backchannel-logout",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "pkce": "optional",
        "scope": ["openid", "profile"],
        "profiles": ["health_professional"],
        "mfa": "optional",
    }
    with running_provider(tmp_path, [client]) as provider:
        variables = {
            "ISSUER": provider.settings.issuer,
            "ADDRESS": service,
            "CLIENT_ID": "express",
            "CLIENT_SECRET": SECRET,
            "SESSION_SECRET": "a-secret-for-the-cookies-of-this-service",
            "RESPONSE_MODE": "form_post",
        }
        with node_app("express_app.mjs", tmp_path, **variables):
            doctor = provider.add("700001", "ROCHE Anne", mfa=True)
            given = [*files_of(tmp_path, secret_file=SECRET), *as_somebody(tmp_path, doctor)]
            result = tried(tmp_path / "idp.yaml", "express", "--start", f"{service}/login", *given)
    assert (result.exit_code, of_level(result, "WRONG")) == (0, []), result.stdout
    assert "request: it uses PKCE with S256." in result.stdout
    assert "logout: the back channel refuses a token that nobody signed." in result.stdout
    assert f"sign-in: the service shows {service}/ (200): " in result.stdout


def test_the_fse_portal_of_the_demo_passes(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with running_demo(folder) as demo:
        doctor = next(one for one in demo.told["accounts"] if one["role"] == "practitioner" and one["mfa"])
        secret = next(
            one["client_secret"] for one in demo.told["clients"] if one["client_id"] == "fse-portal"
        )
        files = files_of(
            tmp_path,
            secret_file=secret,
            password_file=doctor["password"],
            totp_secret_file=doctor["totp_secret"],
        )
        person = ["--identifier", doctor["identifier"]]
        result = tried(folder / "idp.yaml", "fse-portal", "--json", *files, *person)
        portal = demo.portal
    told = json.loads(result.stdout)
    assert [one for one in told["findings"] if one["level"] != "right"] == []
    assert (result.exit_code, told["ok"]) == (0, True)
    assert told["findings"][-2]["says"].startswith(f"the service shows {portal}/fse (200): ")
    assert told["findings"][-1]["says"] == "the person is signed out again at the provider"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


def test_nginx_and_caddy_pass_as_gateways(world: World, tmp_path: Path) -> None:
    gates = [world.gate(proxy) for proxy in PROXIES]
    outbound = json.dumps({"allowed": ["127.0.0.0/8"], "ca_file": str(gates[0].ca)})
    config = gates[0].folder.parent / "idp.yaml"
    doctor = world.doctor()
    result = tried(config, "ancien-portail", *as_somebody(tmp_path, doctor), IDP_OUTBOUND=outbound)
    assert (result.exit_code, of_level(result, "WRONG")) == (0, []), result.stdout
    right = of_level(result, "ok")
    for gate in gates:
        assert f"gateway: {gate.origin}/ sends a visitor to the provider." in right
        assert f"gateway: {gate.origin}/static is open to everybody, as the file says." in right
    assert right.count("gateway: a program without session gets 401.") == len(gates)
    assert right.count("gateway: a visitor who sends Remote-User is not let in.") == len(gates)
    assert right.count("gateway: who sends X-Forwarded-Uri is judged by the real path.") == len(gates)
    assert right[-2].startswith(f"sign-in: the service shows {gates[0].origin}/")
    assert right[-1] == "sign-in: the person is signed out again at the provider."
    assert any(
        line.startswith("certificate: that of localhost ends in ") for line in of_level(result, "advice")
    )


def test_a_certificate_that_nobody_vouches_for_is_said(world: World) -> None:
    config = world.gate("nginx").folder.parent / "idp.yaml"
    wrong = of_level(tried(config, "ancien-portail"), "WRONG")
    for proxy in PROXIES:
        says = "cannot be reached: its certificate is not taken (signed by itself; an authority of the house is named"
        assert any(line.startswith(f"gateway: {world.gate(proxy).origin} {says}") for line in wrong), wrong
