"""What `idp clients new` prints for Apache, as it stands before a service that knows only headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

import pytest
import requests

from idp.demo.browser import Browser
from tests.gateway.backend import Backend, running_backend
from tests.gateway.test_proxy_attacks import FORGED
from tests.interop.newcomers import Newcomer, added, listening
from tests.interop.running import running_provider, sign_in, subject_of
from tests.provider import Provider, Someone
from tests.waiting import wait_until

pytestmark = pytest.mark.server

MODULES = Path("/usr/lib/apache2/modules")
LOADED = (
    *("mpm_event", "authn_core", "authz_core", "authz_user", "alias", "headers", "proxy", "proxy_http"),
    "auth_openidc",
)
MAIN = """\
ServerName 127.0.0.1
ServerRoot {folder}
DocumentRoot {folder}
PidFile {folder}/apache.pid
Listen {host}
User www-data
ErrorLog /dev/stderr
Mutex file:{folder}
{modules}
<VirtualHost *>
Include {folder}/service.conf
</VirtualHost>
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with running_provider(tmp_path_factory.mktemp("provider"), []) as running_one:
        yield running_one


@pytest.fixture(scope="module")
def behind() -> Iterator[Backend]:
    with running_backend() as backend:
        yield backend


@pytest.fixture(scope="module")
def service(provider: Provider, behind: Backend) -> Iterator[Newcomer]:
    new = added(provider, "apache", "--upstream", behind.address)
    assert new.secret is not None
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Apache's own user reads it
        modules = "\n".join(f"LoadModule {one}_module {MODULES}/mod_{one}.so" for one in LOADED)
        (folder / "apache.conf").write_text(MAIN.format(folder=folder, host=new.host, modules=modules))
        (folder / "service.conf").write_text(new.files["service.conf"])
        variables = {
            "OIDC_CLIENT_SECRET": new.secret,
            "OIDC_CRYPTO_PASSPHRASE": "a-random-text-of-the-service-for-its-cookies",
        }
        argv = ["/usr/sbin/apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
        with listening(argv, variables, folder, new.address):
            yield new


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHÉ <Anne>", mfa=True)


def signed_in(provider: Provider, service: Newcomer, who: Someone) -> Browser:
    browser = Browser()
    browser.get(f"{service.address}/page")
    sign_in(browser, provider, who)
    assert browser.page.url == f"{service.address}/page", browser.page.text[:500]
    return browser


def told(browser: Browser, behind: Backend, **sent: str) -> dict[str, list[str]]:
    """Return the identity headers that reached the service, each as often as it came."""
    before = len(behind.seen)
    browser._session.headers.update(sent)
    browser.get("/page")
    assert len(behind.seen) == before + 1, browser.page.text[:300]
    found: dict[str, list[str]] = {}
    for name, value in behind.seen[-1]["headers"]:
        if name.lower().startswith(("remote", "oidc")):
            found.setdefault(name, []).append(value)
    return found


def test_the_service_is_told_who_signed_in(
    provider: Provider, service: Newcomer, behind: Backend, doctor: Someone
) -> None:
    headers = told(signed_in(provider, service, doctor), behind)
    assert headers == {
        "Remote-User": [subject_of(provider, doctor)],
        "Remote-Name": [headers["Remote-Name"][0]],
        "Remote-Acr": ["mfa"],
        "Remote-Actor": [""],
    }
    assert unquote(headers["Remote-Name"][0]) == doctor.name
    assert headers["Remote-Name"][0].isascii()


def test_the_service_is_told_who_acts_whatever_the_visitor_sends(
    provider: Provider, service: Newcomer, behind: Backend, doctor: Someone
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    sent = {"Remote-Actor": "nobody", "Remote-User": "somebody", "Remote-Acr": "pwd"}
    headers = told(signed_in(provider, service, assistant), behind, **sent)
    assert json.loads(unquote(headers["Remote-Actor"][0]))["name"] == assistant.name
    assert {name: len(values) for name, values in headers.items()} == dict.fromkeys(headers, 1)
    assert headers["Remote-User"] != ["somebody"]


@pytest.mark.attack(41)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(tuple(f"{name}: evil" for name in FORGED), id="every spelling, some twice"),
        pytest.param(("Connection: close, Remote-Actor, Remote-Acr, Remote-User",), id="named in Connection"),
        pytest.param(
            ("Connection: Remote-User", "Connection: Remote-Actor", "Remote_User: evil"),
            id="Connection twice",
        ),
    ],
)
def test_nothing_that_a_visitor_says_of_who_acts_arrives_or_takes_the_modules_word_away(
    provider: Provider, service: Newcomer, behind: Backend, doctor: Someone, lines: tuple[str, ...]
) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, service, assistant)
    expected = told(browser, behind)
    cookies = "; ".join(f"{one.name}={one.value}" for one in browser._session.cookies)
    connection = HTTPConnection(service.host, timeout=10)
    connection.putrequest("GET", "/page")
    for name, value in (line.split(": ") for line in (f"Cookie: {cookies}", *lines)):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()
    arrived = [(name.lower().replace("_", "-"), value) for name, value in behind.seen[-1]["headers"]]
    said = [(name.lower(), value) for name, [value] in expected.items()]
    assert sorted(line for line in arrived if line[0] in dict(said)) == sorted(said)


def test_nobody_reaches_the_service_before_the_sign_in(service: Newcomer, behind: Backend) -> None:
    before = len(behind.seen)
    browser = Browser()
    browser.get(f"{service.address}/page")
    assert browser.path.endswith("/identification")
    assert len(behind.seen) == before


def test_signing_out_at_the_module_signs_out_here_and_says_so(
    provider: Provider, service: Newcomer, doctor: Someone
) -> None:
    browser = signed_in(provider, service, doctor)
    leave = quote(f"{service.address}/signed-out", safe="")
    left = browser.get(f"{service.address}/callback?logout={leave}")
    assert (left.status, left.text) == (200, "ServiceVous êtes déconnecté.")
    assert browser.get(f"{service.address}/page").url.endswith("/identification")


def test_the_module_hears_of_a_removal(provider: Provider, service: Newcomer, doctor: Someone) -> None:
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = signed_in(provider, service, assistant)
    provider.remove_assistant(doctor, assistant.name)
    wait_until(
        lambda: browser.get(f"{service.address}/page").url.endswith("/identification"),
        "the module has heard of it",
        seconds=30,
    )


def test_a_visitor_cannot_end_anothers_session(service: Newcomer) -> None:
    answer = requests.post(
        f"{service.address}/callback?logout=backchannel", data={"logout_token": "x"}, timeout=10
    )
    assert answer.status_code == 400
