"""What `idp clients new` prints for Flask, Django and Express, run as it stands against a running provider."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from idp.commands.clients_new.frameworks import FRAMEWORKS
from idp.demo.browser import Browser
from idp.rules.assurance import Policy
from tests.deployment.processes import running
from tests.interop.newcomers import Newcomer, added, listening
from tests.interop.running import NODE, SCRIPTS, running_provider, sign_in, subject_of
from tests.provider import Provider, Someone
from tests.waiting import wait_until

pytestmark = pytest.mark.server

RANDOM = "a-random-text-of-the-service-for-its-cookies"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with running_provider(tmp_path_factory.mktemp("provider"), []) as running_one:
        yield running_one


@contextmanager
def flask(new: Newcomer, folder: Path) -> Iterator[None]:
    write(new, folder)
    argv = [sys.executable, "-m", "flask", "run", "--port", new.port]
    with listening(argv, secrets_of(new, "SECRET_KEY"), folder, new.address):
        yield


@contextmanager
def django(new: Newcomer, folder: Path) -> Iterator[None]:
    """Paste into a project as `django-admin startproject` makes it."""
    manage = [sys.executable, "manage.py"]
    variables = secrets_of(new, "UNUSED")
    with running(
        [sys.executable, "-m", "django", "startproject", "service", "."], variables, folder
    ) as making:
        assert making.wait(timeout=60) == 0
    for name, text in new.files.items():
        with (folder / "service" / name).open("a", encoding="utf-8") as file:
            file.write(text)
    with running([*manage, "migrate", "--verbosity", "0"], variables, folder) as migrating:
        assert migrating.wait(timeout=60) == 0, [log.read_text() for log in folder.glob("*.out")]
    with listening([*manage, "runserver", new.host, "--noreload"], variables, folder, new.address):
        yield


@contextmanager
def express(new: Newcomer, folder: Path) -> Iterator[None]:
    write(new, folder)
    (folder / "node_modules").symlink_to(SCRIPTS / "node_modules")
    with listening([str(NODE), "app.mjs"], secrets_of(new, "SESSION_SECRET"), folder, new.address):
        yield


RUNNERS = {"flask": flask, "flask-relying-party": flask, "django": django, "express": express}
COOKIES = {name: f"new-{name}" for name in RUNNERS} | {"flask-relying-party": "sso_session"}


def secrets_of(new: Newcomer, own: str) -> dict[str, str]:
    assert new.secret is not None
    return {"OIDC_CLIENT_SECRET": new.secret, own: RANDOM, "PYTHONDONTWRITEBYTECODE": "1"}


def write(new: Newcomer, folder: Path) -> None:
    for name, text in new.files.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module", params=list(RUNNERS))
def service(
    request: pytest.FixtureRequest, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Newcomer]]:
    new = added(provider, request.param)
    with RUNNERS[request.param](new, tmp_path_factory.mktemp(request.param)):
        yield request.param, new


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHÉ <Anne>", mfa=True)


def signed_in(provider: Provider, service: tuple[str, Newcomer], who: Someone) -> Browser:
    framework, new = service
    browser = Browser()
    browser.get(f"{new.address}{FRAMEWORKS[framework].login}")
    sign_in(browser, provider, who)
    assert browser.page.url == f"{new.address}/", browser.page.text[:500]
    return browser


def test_a_doctor_signs_in_with_two_factors_and_is_shown(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    browser = signed_in(provider, service, doctor)
    assert "ROCHÉ <Anne> (mfa)" in browser.page.text
    assert "agit pour" not in browser.page.text
    assert browser.get("/dossier").text == f"Dossier de {subject_of(provider, doctor)}"


def test_an_assistant_is_shown_as_the_one_who_acts(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, service, assistant)
    assert "NAUDIN Fernand agit pour ROCHÉ <Anne>." in browser.page.text


def test_nobody_sees_a_page_before_the_sign_in(service: tuple[str, Newcomer]) -> None:
    browser = Browser()
    assert "Se connecter" in browser.get(f"{service[1].address}/").text
    assert browser.get("/dossier").url.endswith("/identification")


def test_signing_out_there_signs_out_here_and_comes_back(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    browser = signed_in(provider, service, doctor)
    if service[0] == "express":
        browser.follow("Se déconnecter")
    else:
        browser.submit({})
    assert browser.page.url.partition("?")[0] == f"{service[1].address}{FRAMEWORKS[service[0]].signed_out}"
    assert "Se connecter" in browser.get(f"{service[1].address}/").text
    assert browser.get("/dossier").url.endswith("/identification")


@pytest.mark.parametrize("service", ["express", "flask-relying-party"], indirect=True)
def test_a_library_with_back_channel_logout_hears_of_a_removal(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, service, assistant)
    provider.remove_assistant(doctor, assistant.name)
    wait_until(lambda: "Se connecter" in browser.get("/").text, "the service has heard of it", seconds=30)


def test_another_actor_on_the_same_computer_is_not_taken_for_the_one_before(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    framework, new = service
    browser = signed_in(provider, service, assistant)
    before = browser._session.cookies[COOKIES[framework]]
    browser.get(f"{provider.settings.issuer}/logout")
    browser.submit({})
    browser.get(f"{new.address}{FRAMEWORKS[framework].login}")
    sign_in(browser, provider, doctor)
    assert browser.page.url == f"{new.address}/"
    assert "agit pour" not in browser.page.text
    # To Express's library whoever has the same `sub` goes on in the same session.
    assert framework == "express" or browser._session.cookies[COOKIES[framework]] != before


def test_an_assistant_after_the_doctor_is_not_taken_for_the_doctor_where_nobody_told_of_a_logout(
    provider: Provider, service: tuple[str, Newcomer], doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    framework, new = service
    browser = signed_in(provider, service, doctor)
    for cookie in [one.name for one in browser._session.cookies if one.name.startswith("idp_")]:
        del browser._session.cookies[cookie]
    browser.get(f"{new.address}{FRAMEWORKS[framework].login}")
    sign_in(browser, provider, assistant)
    assert "NAUDIN Fernand agit pour ROCHÉ <Anne>." in browser.get(f"{new.address}/").text


def test_an_answer_that_nobody_asked_for_signs_nobody_in(service: tuple[str, Newcomer]) -> None:
    path = FRAMEWORKS[service[0]].callback
    browser = Browser()
    refused = browser.get(f"{service[1].address}{path}?code=stolen&state=other")
    assert "node_modules" not in refused.text
    assert "Se connecter" in browser.get("/").text


def test_a_password_alone_does_not_do_whatever_the_provider_lets_pass(
    provider: Provider, service: tuple[str, Newcomer], identifiers: Iterator[str]
) -> None:
    framework, new = service
    loosened(provider, f"new-{framework}")
    browser = Browser()
    browser.get(f"{new.address}{FRAMEWORKS[framework].login}")
    sign_in(browser, provider, provider.add(next(identifiers), "SANS Telephone"))
    assert "mfa" not in browser.page.text
    refused = browser.get(f"{new.address}/dossier")
    assert "Dossier de" not in refused.text


def loosened(provider: Provider, client_id: str) -> None:
    """Let the provider admit people by their password alone."""
    file = provider.settings.clients_folder / f"{client_id}.yaml"
    file.write_text(file.read_text().replace("mfa: required", "mfa: optional"))

    def taken() -> bool:
        requests.get(f"{provider.settings.issuer}/healthz", timeout=10)
        return provider.parts.clients[client_id].mfa == Policy.optional()

    wait_until(taken, "the running provider has taken the change", seconds=10)
