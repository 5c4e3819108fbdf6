"""The portal of the extension's README is run as it is printed there, against the running provider."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
import requests

from idp.demo.browser import Browser
from tests.deployment.processes import running
from tests.interop.running import DIGEST, SECRET, running_provider, sign_in
from tests.provider import Provider
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

README = Path(__file__).parents[2] / "plugins" / "flask_relying_party" / "README.md"
KEY = "a-key-of-the-tests-for-the-login-cookie"


def blocks() -> list[str]:
    """Return the page's Python: the portal, what it may have more, and its own test."""
    return re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def portal() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, portal: str) -> Iterator[Provider]:
    client = {
        "client_id": "my-service",
        "name": "Mon service",
        "redirect_uris": [f"{portal}/callback"],
        "post_logout_redirect_uris": [f"{portal}/goodbye"],
        "initiate_login_uri": f"{portal}/login",
        "backchannel_logout_uri": f"{portal}/backchannel-logout",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "scope": ["openid", "profile", "offline_access"],
        "profiles": ["health_professional"],
        "mfa": "optional",
        "assistants": "allowed",
    }
    with running_provider(tmp_path_factory.mktemp("provider"), [client]) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, provider: Provider, portal: str) -> Iterator[Path]:
    """Run `my_portal.py` as it is printed; give the folder that it runs in."""
    folder = tmp_path_factory.mktemp("portal")
    printed = "\n".join(blocks()[:2])
    for example, address in {
        "https://idp.example.org": provider.settings.issuer,
        "https://my.example.org": portal,
    }.items():
        assert example in printed
        printed = printed.replace(example, address)
    (folder / "my_portal.py").write_text(printed, encoding="utf-8")
    argv = [sys.executable, "-m", "flask", "--app", "my_portal", "run", "--port", portal.rpartition(":")[2]]
    with running(argv, {"OIDC_CLIENT_SECRET": SECRET, "SECRET_KEY": KEY}, folder) as process:
        wait_until(lambda: answers(portal, process), "the portal answers", seconds=45)
        yield folder


def answers(portal: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return requests.get(f"{portal}/goodbye", timeout=2).ok
    except requests.RequestException:
        return False


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "sessions.sqlite", isolation_level=None)) as file:
        return file.execute(statement).fetchall()


def told(browser: Browser, portal: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(browser.get(f"{portal}/").text)
    return found


def test_ten_lines_are_enough_for_an_assistant_who_is_named_refreshed_and_out_at_once_when_removed(
    provider: Provider, portal: str, folder: Path
) -> None:
    doctor = provider.add("600001", "ROCHE Anne", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = Browser()
    browser.get(f"{portal}/")
    sign_in(browser, provider, assistant)
    assert browser.page.url == f"{portal}/"
    assert told(browser, portal) == {"name": "ROCHE Anne", "assistant": "NAUDIN Fernand"}
    refused = browser.get(f"{portal}/iban")
    assert (refused.status, refused.error) == (403, "assistants_refused")

    (before,) = rows(folder, "SELECT access_token, refresh_token FROM session")
    nearly_over = datetime.now(UTC).timestamp() + 5
    rows(folder, f"UPDATE session SET access_ends_at = {nearly_over}, checked_at = checked_at - 10")
    assert told(browser, portal)["assistant"] == "NAUDIN Fernand"
    (after,) = rows(folder, "SELECT access_token, refresh_token FROM session")
    assert not set(before) & set(after)

    practice = Browser()
    practice.get(f"{provider.settings.issuer}/profile")
    sign_in(practice, provider, doctor)
    practice.get(f"{provider.settings.issuer}/profile")
    practice.follow("Supprimer NAUDIN Fernand")
    practice.submit({"remove": "1"}, form=1)
    wait_until(
        lambda: not rows(folder, "SELECT key FROM session"),
        "the portal has ended the session, unasked",
        seconds=5,
    )
    browser.get(f"{portal}/")
    assert browser.path.endswith("/identification")


def test_a_password_is_stepped_up_in_place_and_signing_out_ends_both(
    provider: Provider, portal: str, folder: Path
) -> None:
    who = provider.add("600002", "LEROUX Ariane")
    browser = Browser()
    browser.get(f"{portal}/login?iss={provider.settings.issuer}&target_link_uri={portal}/iban")
    sign_in(browser, provider, who)
    assert browser.page.url == f"{portal}/iban"
    browser.submit({"iban": "MC58 1122 2000 0101 2345 6789 030"})
    assert browser.path.endswith("/activation"), browser.page.text[:300]
    assert browser.page.secret
    browser.submit({"code": pyotp.TOTP(browser.page.secret).at(int(time.time()))})
    done = browser.submit({})
    assert json.loads(done.text) == {"changed": "MC58 1122 2000 0101 2345 6789 030"}
    browser.get(f"{portal}/iban")
    assert json.loads(browser.submit({"iban": "FR76"}).text) == {"changed": "FR76"}
    browser.get(f"{portal}/iban")
    gone = browser.submit({}, form=1)
    assert browser.page.url.startswith(f"{portal}/goodbye")
    assert "Vous êtes déconnecté(e)" in gone.text
    browser.get(f"{portal}/")
    assert browser.path.endswith("/identification")


def test_a_portals_own_test_needs_no_provider(tmp_path: Path) -> None:
    portal, _, test = blocks()
    local = portal.replace("https://my.example.org", "http://localhost")
    (tmp_path / "test_my_portal.py").write_text(f"{local}\n{test}", encoding="utf-8")
    subprocess.run(
        [sys.executable, "test_my_portal.py"],
        cwd=tmp_path,
        env={"OIDC_CLIENT_SECRET": SECRET, "SECRET_KEY": KEY},
        check=True,
        timeout=60,
    )
