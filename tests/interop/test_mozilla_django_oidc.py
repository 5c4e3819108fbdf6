"""The package mozilla-django-oidc in a Django service: a first sign-in, a silent renewal, and one that is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.demo.browser import Browser
from tests.deployment.processes import await_health, running
from tests.interop.running import DIGEST, SECRET, running_provider, sign_in
from tests.provider import Provider
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def service() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, service: str) -> Iterator[Provider]:
    client = {
        "client_id": "django",
        "name": "Service en Django",
        "redirect_uris": [f"{service}/oidc/callback/"],
        "post_logout_redirect_uris": [f"{service}/"],
        "token_endpoint_auth_method": "client_secret_post",
        "client_secret_sha256": DIGEST,
        "pkce": "optional",
        "scope": ["openid", "profile", "email"],
        "profiles": ["insured"],
        "mfa": "optional",
    }
    with running_provider(tmp_path_factory.mktemp("django"), [client]) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, provider: Provider, service: str) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    variables = {
        "ISSUER": provider.settings.issuer,
        "ADDRESS": service,
        "CLIENT_SECRET": SECRET,
        "DATABASE": str(folder / "service.sqlite"),
    }
    script = Path(__file__).parent / "django_app.py"
    with running([sys.executable, str(script)], variables, folder) as process:
        await_health(process, service, folder)
        yield service


def told(browser: Browser, app: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(browser.get(f"{app}/").text)
    return found


def asks_again(browser: Browser, app: str) -> bool:
    """Say whether the service would ask us before it shows a page; the browser does not go there."""
    return browser._session.get(f"{app}/renewed", allow_redirects=False, timeout=10).is_redirect


def test_somebody_signs_in_renews_in_silence_and_is_asked_again_once_signed_out_here(
    provider: Provider, app: str, identifiers: Iterator[str]
) -> None:
    who = provider.add(
        next(identifiers), "MARTIN Camille", "insured", attributes={"email": "camille@example.org"}
    )
    browser = Browser()
    browser.get(f"{app}/oidc/authenticate/")
    sign_in(browser, provider, who)
    assert told(browser, app) == {"email": "camille@example.org"}

    # The service takes our word for a second; then it asks again, by prompt=none.
    wait_until(lambda: asks_again(browser, app), "the service asks again")
    browser.get(f"{app}/renewed")
    assert (browser.page.url, browser.page.text) == (f"{app}/renewed", "camille@example.org")

    browser.get(f"{provider.settings.issuer}/logout")
    browser.submit({})
    wait_until(lambda: asks_again(browser, app), "the service asks again")
    browser.get(f"{app}/renewed")
    assert browser.path == "/oidc-failed"
