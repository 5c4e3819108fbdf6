"""What `idp clients new` prints for nginx and Caddy, as it stands before a service that knows only headers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idp.demo.browser import Browser
from idp.resources import config_folder
from tests.gateway.backend import Backend, running_backend
from tests.interop.newcomers import Newcomer, added, listening
from tests.interop.running import running_provider, sign_in, subject_of
from tests.provider import Provider, Someone
from tests.waiting import wait_until

pytestmark = pytest.mark.server

SECRET = "the-secret-of-the-proxies-of-these-tests"
SHIPPED = config_folder() / "gateway"
NGINX_MAIN = """\
{user}daemon off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    include gateway.conf;
    include service.conf;
}}
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    secret = folder / "proxy-secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    with running_provider(folder, [], gateway={"proxy_secret_file": str(secret)}) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def behind() -> Iterator[Backend]:
    with running_backend() as backend:
        yield backend


@contextmanager
def nginx(new: Newcomer, folder: Path, provider: Provider) -> Iterator[None]:
    shutil.copytree(SHIPPED / "nginx", folder / "gateway")
    (folder / "gateway" / "secret.conf").write_text(f"set $gateway_secret {SECRET};\n")
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(user=user))
    argv = ["/usr/sbin/nginx", "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]
    with listening(argv, {}, folder, new.address):
        yield


@contextmanager
def caddy(new: Newcomer, folder: Path, provider: Provider) -> Iterator[None]:
    shutil.copyfile(SHIPPED / "gateway.caddy", folder / "gateway.caddy")
    variables = {
        "GATEWAY_SECRET": SECRET,
        "GATEWAY_PROVIDER": provider.settings.issuer.removeprefix("http://"),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }
    argv = ["caddy", "run", "--config", str(folder / "Caddyfile")]
    with listening(argv, variables, folder, new.address):
        yield


PROXIES = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module", params=list(PROXIES))
def service(
    request: pytest.FixtureRequest,
    provider: Provider,
    behind: Backend,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Newcomer]:
    new = added(provider, request.param, "--public", "/static", "--upstream", behind.address)
    assert new.secret is None
    folder = tmp_path_factory.mktemp(request.param)
    for name, text in new.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with PROXIES[request.param](new, folder, provider):
        yield new


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHE Anne", mfa=True)


def signed_in(provider: Provider, service: Newcomer, who: Someone) -> Browser:
    browser = visitor()
    browser.get(f"{service.address}/dossier")
    sign_in(browser, provider, who)
    assert browser.page.url == f"{service.address}/dossier", browser.page.text[:500]
    return browser


def visitor() -> Browser:
    browser = Browser()
    browser._session.headers["Accept"] = "text/html"
    return browser


def reached(behind: Backend) -> dict[str, str]:
    """Return the identity headers that the last request brought."""
    headers: list[list[str]] = behind.seen[-1]["headers"]
    return {name: value for name, value in headers if name.startswith("Remote-") and value}


def test_the_service_is_told_who_signed_in(
    provider: Provider, service: Newcomer, behind: Backend, doctor: Someone
) -> None:
    signed_in(provider, service, doctor)
    headers = reached(behind)
    assert headers["Remote-User"] == subject_of(provider, doctor)
    assert (headers["Remote-Acr"], "Remote-Actor" in headers) == ("mfa", False)


def test_the_service_is_told_who_acts_until_that_person_is_removed(
    provider: Provider, service: Newcomer, behind: Backend, doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, service, assistant)
    assert "NAUDIN" in reached(behind)["Remote-Actor-Name"]
    provider.remove_assistant(doctor, assistant.name)
    wait_until(
        lambda: not browser.get(f"{service.address}/dossier").url.startswith(service.address),
        "the gateway refuses",
        seconds=5,
    )


def test_a_public_path_is_open_and_nothing_else_is(service: Newcomer, behind: Backend) -> None:
    browser = visitor()
    assert browser.get(f"{service.address}/static/logo.svg").status == 200
    assert not reached(behind)
    before = len(behind.seen)
    assert browser.get(f"{service.address}/dossier").url.endswith("/identification")
    assert len(behind.seen) == before
