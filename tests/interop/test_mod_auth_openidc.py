"""Debian's mod_auth_openidc before an Apache: who acts decides what is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from idp.demo.browser import Browser
from tests.deployment.processes import running
from tests.interop.running import DIGEST, SECRET, running_provider, sign_in, subject_of
from tests.provider import Provider, Someone
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "alias", "headers", "auth_openidc")

CONFIGURATION = """\
ServerName 127.0.0.1
ServerRoot {folder}
DocumentRoot {folder}/pages
PidFile {folder}/apache.pid
Listen {host}
User {user}
ErrorLog /dev/stderr
LogLevel warn
Mutex file:{folder}
{modules}
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret {secret}
OIDCRedirectURI {address}/callback
OIDCCryptoPassphrase a-passphrase-for-the-cookies-of-this-service
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCResponseMode {mode}
OIDCRemoteUserClaim sub
OIDCCookieSameSite On
OIDCSessionInactivityTimeout 300
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location /healthz>
  AuthType None
  Require all granted
</Location>
<Location /assistant>
  Require claim act.sub:{assistant}
</Location>
<Location /two-factors>
  Require claim acr:mfa
</Location>
"""


@pytest.fixture(scope="module")
def address() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Provider]:
    client = {
        "client_id": "apache",
        "name": "Service derrière Apache",
        "redirect_uris": [f"{address}/callback"],
        "post_logout_redirect_uris": [f"{address}/healthz"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "scope": ["openid", "profile"],
        "profiles": ["health_professional"],
        "mfa": "optional",
        "assistants": "allowed",
    }
    with running_provider(tmp_path_factory.mktemp("apache"), [client]) as running_one:
        yield running_one


@pytest.fixture
def doctor(provider: Provider, identifiers: Iterator[str]) -> Someone:
    return provider.add(next(identifiers), "ROCHE Anne", mfa=True)


@pytest.fixture
def assistants(provider: Provider, doctor: Someone) -> dict[str, Someone]:
    return {name: provider.add_assistant(doctor, name) for name in ("NAUDIN Fernand", "VOLFONI Raoul")}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that Apache's own user may read; pytest's are for root alone."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(params=["query", "form_post"])
def site(
    request: pytest.FixtureRequest,
    folder: Path,
    provider: Provider,
    address: str,
    assistants: dict[str, Someone],
) -> Iterator[str]:
    """Give an Apache whose folder ``/assistant`` is open to NAUDIN Fernand alone."""
    (folder / "pages").mkdir()
    for name in ("healthz", "assistant", "two-factors"):
        (folder / "pages" / name).write_text(f"<main>page {name}</main>")
    configuration = CONFIGURATION.format(
        folder=folder,
        host=address.removeprefix("http://"),
        user="www-data",
        modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED),
        issuer=provider.settings.issuer,
        address=address,
        secret=SECRET,
        mode=request.param,
        assistant=subject_of(provider, assistants["NAUDIN Fernand"]),
    )
    (folder / "apache.conf").write_text(configuration)
    argv = ["/usr/sbin/apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
    with running(argv, {}, folder) as process:

        def answers() -> bool:
            assert process.poll() is None, [log.read_text() for log in folder.glob("*.out")]
            try:
                return requests.get(f"{address}/healthz", timeout=2).ok
            except requests.RequestException:
                return False

        wait_until(answers, "Apache answers")
        yield address


def visit(provider: Provider, site: str, who: Someone, path: str) -> Browser:
    """Open a page as ``who``, who signs in on the way."""
    browser = Browser()
    browser.get(f"{site}{path}")
    sign_in(browser, provider, who)
    if not browser.page.url.startswith(site):
        browser.submit({})
    assert browser.page.url.startswith(site), browser.page.text[:300]
    return browser


def test_the_right_assistant_is_let_in_and_another_is_not(
    provider: Provider, site: str, assistants: dict[str, Someone]
) -> None:
    right = visit(provider, site, assistants["NAUDIN Fernand"], "/assistant")
    assert (right.page.status, right.page.text) == (200, "page assistant")
    other = visit(provider, site, assistants["VOLFONI Raoul"], "/assistant")
    assert other.page.status == 401
    assert other.get(f"{site}/two-factors").status == 200


def test_the_doctor_is_let_in_by_two_factors_and_is_no_assistant(
    provider: Provider, site: str, identifiers: Iterator[str]
) -> None:
    doctor = provider.add(next(identifiers), "BLANC Jean", mfa=True)
    browser = visit(provider, site, doctor, "/two-factors")
    assert (browser.page.status, browser.page.text) == (200, "page two-factors")
    assert browser.get(f"{site}/assistant").status == 401
