"""The demo's portal that knows only headers, behind whichever proxy is installed."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
import requests
from rich.console import Console

from idp.demo.browser import Browser
from idp.demo.legacy import Legacy
from idp.demo.ports import legacy_ports
from idp.demo.proxy import Proxy, installed_proxy
from idp.demo.show import shown
from idp.demo.world import open_world
from tests.demo_process import DemoProcess

pytestmark = pytest.mark.server


def test_it_opens_by_the_same_sign_in_as_the_fse_portal(kept: DemoProcess) -> None:
    assistant = kept.person("assistant", mfa=True)
    browser = Browser()
    browser.get(f"{kept.told['legacy']}/depot")
    browser.submit({"identifier": assistant["identifier"], "password": assistant["password"]})
    browser.submit({"code": kept.code(assistant["totp_secret"])})
    assert browser.page.url == f"{kept.told['legacy']}/depot"
    doctor = kept.person("practitioner", mfa=True)["name"]
    assert f"Vous agissez pour {doctor}" in browser.page.text
    assert f"Vous agissez pour {doctor}" in browser.get(f"{kept.portal}/fse").text
    assert browser.get(f"{kept.told['legacy']}/compte").status == 403


def test_its_public_page_and_the_refusal_of_other_hosts(kept: DemoProcess) -> None:
    address = f"{kept.told['legacy']}/informations"
    assert "ouverte à tous" in requests.get(address, timeout=10).text
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=10).status_code == 421


def test_the_proxys_secret_is_for_the_owner_alone(kept: DemoProcess) -> None:
    files = [kept.folder / "proxy-secret", kept.folder / "proxy" / "gateway" / "secret.conf"]
    assert not [file for file in files if file.stat().st_mode & 0o077]


def test_without_a_proxy_the_demo_goes_on_and_says_what_to_install(tmp_path: Path) -> None:
    assert installed_proxy(("no-such-proxy",)) is None
    behind = open_world(tmp_path, 5090, 5091, None, Legacy(Proxy("nginx", "nginx"), 5092, 5093))
    behind.parts.database.dispose()
    assert behind.parts.clients.get("attestations")
    world = open_world(tmp_path, 5090, 5091, None)
    assert world.description()["legacy"] is None
    assert world.parts.clients.get("attestations") is None
    told = io.StringIO()
    with shown(Console(file=told, width=200), world):
        assert "neither nginx nor Caddy is installed (Debian: apt-get install nginx)" in told.getvalue()
    world.parts.database.dispose()


def test_the_usual_port_gives_way_when_it_is_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = legacy_ports(None, port, (5090, 5091))
    assert port not in ports
    assert len(set(ports)) == 2
