"""The npm package express-openid-connect: answers by form_post, and signing out over the back channel."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from idp.demo.browser import Browser
from tests.interop.running import DIGEST, SECRET, node_app, running_provider, sign_in
from tests.provider import Provider, Someone
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def service() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, service: str) -> Iterator[Provider]:
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
        "assistants": "allowed",
    }
    with running_provider(tmp_path_factory.mktemp("express"), [client]) as running:
        yield running


@pytest.fixture(scope="module", params=["form_post", "query"])
def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider: Provider, service: str
) -> Iterator[str]:
    variables = {
        "ISSUER": provider.settings.issuer,
        "ADDRESS": service,
        "CLIENT_ID": "express",
        "CLIENT_SECRET": SECRET,
        "SESSION_SECRET": "a-secret-for-the-cookies-of-this-service",
        "RESPONSE_MODE": request.param,
    }
    with node_app("express_app.mjs", tmp_path_factory.mktemp("app"), **variables) as address:
        yield address


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHE Anne", mfa=True)


def arrived(browser: Browser, app: str) -> None:
    """Post the page that carries an answer by form_post, if it is there; else the answer came in the address."""
    if not browser.page.url.startswith(app):
        browser.submit({})
    assert browser.page.url == f"{app}/", browser.page.text[:300]


def told(browser: Browser, app: str) -> dict[str, object]:
    """Return whom the service takes this browser for: nobody is `{}`."""
    found: dict[str, object] = json.loads(browser.get(f"{app}/").text)
    return found


def signed_in(provider: Provider, app: str, who: Someone) -> Browser:
    browser = Browser()
    browser.get(f"{app}/login")
    sign_in(browser, provider, who)
    arrived(browser, app)
    return browser


def test_a_doctor_signs_in_and_the_service_reads_who_it_is(
    provider: Provider, app: str, doctor: Someone
) -> None:
    browser = signed_in(provider, app, doctor)
    claims = told(browser, app)
    assert (claims["acr"], claims["aud"], "act" in claims) == ("mfa", "express", False)
    assert json.loads(browser.get(f"{app}/mine").text)["name"] == doctor.name


def test_the_service_is_told_who_acts(provider: Provider, app: str, doctor: Someone) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    claims = told(signed_in(provider, app, assistant), app)
    assert claims["act"]["name"] == assistant.name  # type: ignore[index]


def test_signing_out_at_the_service_signs_out_here_and_comes_back(
    provider: Provider, app: str, doctor: Someone
) -> None:
    browser = signed_in(provider, app, doctor)
    assert browser.get(f"{app}/logout").url.rstrip("/") == app
    assert told(browser, app) == {}
    browser.get(f"{app}/login")
    assert browser.path.endswith("/identification")


@pytest.mark.parametrize("end", ["signing out here", "removal"])
def test_the_service_ends_its_session_when_ours_ends(
    provider: Provider, app: str, doctor: Someone, end: str
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser, doctors = signed_in(provider, app, assistant), signed_in(provider, app, doctor)
    leave: dict[str, Callable[[], object]] = {
        "signing out here": lambda: (browser.get(f"{provider.settings.issuer}/logout"), browser.submit({})),
        "removal": lambda: provider.remove_assistant(doctor, assistant.name),
    }
    leave[end]()
    wait_until(lambda: told(browser, app) == {}, "the service has heard of it", seconds=30)
    # This library takes the token's sub to mean all of that practitioner's sessions; the doctor types nothing again.
    assert told(doctors, app) == {}
    doctors.get(f"{app}/login")
    arrived(doctors, app)
    assert "act" not in told(doctors, app)
    assert told(browser, app) == {}
