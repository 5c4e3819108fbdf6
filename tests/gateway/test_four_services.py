"""One sign-in, four services: the FSE portal, mod_auth_openidc, header-only behind nginx and behind Caddy.

When the assistant is removed, all four refuse within five seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from idp.demo.browser import Browser
from idp.demo.proxy import Place, installed_proxy
from tests.deployment.processes import await_health, running
from tests.gateway.proxies import SECRET, Gate, running_gate
from tests.interop.running import DIGEST, running_provider, sign_in
from tests.interop.running import SECRET as CLIENT_SECRET
from tests.interop.test_mod_auth_openidc import CONFIGURATION, LOADED, MODULES
from tests.provider import Provider
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

REMOVED_WITHIN_SECONDS = 5.0

ADMITTING: Mapping[str, Any] = {
    "assistants": "allowed",
    "profiles": ["health_professional"],
    "mfa": "optional",
}
RULES: Mapping[str, Any] = {
    "/": {},
    "/compte": {"acr": "mfa", "assistants": "refused"},
    **dict.fromkeys(("/informations", "/static", "/healthz"), "public"),
}


@dataclass(frozen=True)
class Addresses:
    """Where each of the four is opened."""

    fse: str
    apache: str
    nginx: Gate
    caddy: str


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Addresses:
    fse, apache, caddy = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    return Addresses(fse, apache, Gate("nginx", free_port(), tmp_path_factory.mktemp("nginx")), caddy)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, at: Addresses) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "proxy-secret").write_text(f"{SECRET}\n")
    by_secret = {"token_endpoint_auth_method": "client_secret_basic", "client_secret_sha256": DIGEST}
    clients: list[dict[str, Any]] = [
        {
            "client_id": "fse-portal",
            "name": "Feuille de Soins Électronique",
            "redirect_uris": [f"{at.fse}/callback"],
            "post_logout_redirect_uris": [f"{at.fse}/goodbye"],
            "backchannel_logout_uri": f"{at.fse}/backchannel-logout",
            "scope": ["openid", "profile", "practitioner", "offline_access"],
            **by_secret,
        },
        {
            "client_id": "apache",
            "name": "Service derrière Apache",
            "redirect_uris": [f"{at.apache}/callback"],
            "backchannel_logout_uri": f"{at.apache}/callback?logout=backchannel",
            "scope": ["openid", "profile"],
            **by_secret,
        },
        {
            "client_id": "attestations",
            "name": "Attestations",
            "gateway": {at.nginx.origin: deepcopy(RULES), at.caddy: deepcopy(RULES)},
            "scope": ["openid", "profile"],
        },
    ]
    settings = {"gateway": {"proxy_secret_file": str(folder / "proxy-secret")}}
    with running_provider(folder, [{**client, **ADMITTING} for client in clients], **settings) as one:
        yield one


@pytest.fixture(scope="module")
def services(provider: Provider, at: Addresses) -> Iterator[Addresses]:
    with ExitStack() as running_ones, TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Apache's own user reads here
        for start in (fse_portal, apache, behind_nginx, behind_caddy):
            own = folder / start.__name__
            own.mkdir()
            running_ones.enter_context(start(provider, at, own))
        yield at


@contextmanager
def fse_portal(provider: Provider, at: Addresses, folder: Path) -> Iterator[None]:
    variables = {
        "FSE_PORTAL_ISSUER": provider.settings.issuer,
        "FSE_PORTAL_BASE_URL": at.fse,
        "FSE_PORTAL_CLIENT_ID": "fse-portal",
        "FSE_PORTAL_CLIENT_SECRET": CLIENT_SECRET,
        "FSE_PORTAL_SECRET_KEY": "k" * 40,
        "FSE_PORTAL_DATABASE": str(folder / "portal.sqlite"),
        "FSE_PORTAL_PORT": str(urlsplit(at.fse).port),
        "FSE_PORTAL_WORKERS": "1",
    }
    with running([sys.executable, "-m", "fse_portal.cli", "serve"], variables, folder) as process:
        await_health(process, at.fse, folder)
        yield


@contextmanager
def apache(provider: Provider, at: Addresses, folder: Path) -> Iterator[None]:
    (folder / "pages").mkdir()
    for name in ("healthz", "two-factors"):
        (folder / "pages" / name).write_text(f"<main>page {name}</main>")
    configuration = CONFIGURATION.format(
        folder=folder,
        host=at.apache.removeprefix("http://"),
        user="www-data",
        modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED),
        issuer=provider.settings.issuer,
        address=at.apache,
        secret=CLIENT_SECRET,
        mode="query",
        assistant="nobody",
    )
    (folder / "apache.conf").write_text(configuration)
    argv = ["/usr/sbin/apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
    with running(argv, {}, folder) as process:
        await_health(process, at.apache, folder)
        yield


@contextmanager
def legacy_portal(provider: Provider, base_url: str, folder: Path) -> Iterator[str]:
    """Run one behind that address; give its own, which nobody but the proxy is let in at."""
    port = free_port()
    variables = {
        "LEGACY_PORTAL_ISSUER": provider.settings.issuer,
        "LEGACY_PORTAL_BASE_URL": base_url,
        "LEGACY_PORTAL_PORT": str(port),
        "LEGACY_PORTAL_WORKERS": "1",
    }
    with running([sys.executable, "-m", "legacy_portal.cli", "serve"], variables, folder) as process:
        await_health(process, f"http://127.0.0.1:{port}", folder)
        yield f"127.0.0.1:{port}"


@contextmanager
def behind_nginx(provider: Provider, at: Addresses, folder: Path) -> Iterator[None]:
    """By the files of `config/gateway`, over https."""
    with legacy_portal(provider, at.nginx.origin, folder) as portal:
        _refuses_around_the_proxy(portal)
        with running_gate(at.nginx, urlsplit(provider.settings.issuer).netloc, portal):
            yield


@contextmanager
def behind_caddy(provider: Provider, at: Addresses, folder: Path) -> Iterator[None]:
    """As the demo does, over http."""
    proxy = installed_proxy(("caddy",))
    assert proxy
    with legacy_portal(provider, at.caddy, folder) as portal:
        _refuses_around_the_proxy(portal)
        hosts = (urlsplit(at.caddy).netloc, portal, urlsplit(provider.settings.issuer).netloc)
        argv, variables = proxy.prepared(folder / "proxy", Place(*hosts, SECRET))
        with running(argv, variables, folder) as process:
            await_health(process, at.caddy, folder)
            yield


def _refuses_around_the_proxy(portal: str) -> None:
    forged = {"Remote-User": "somebody", "Remote-Name": "SOMEBODY", "Gateway-Secret": SECRET}
    assert requests.get(f"http://{portal}/", headers=forged, timeout=10).status_code == 401


@pytest.mark.attack(46)
@pytest.mark.attack(52)
def test_one_sign_in_opens_four_services_and_all_four_refuse_the_removed_assistant(
    provider: Provider, services: Addresses
) -> None:
    doctor = provider.add("608349", "ROCHE Anne", mfa=True)
    assistant = provider.add_assistant(doctor, "NAUDIN Fernand")
    helper = Browser()
    helper._session.verify = str(services.nginx.ca)

    opened: dict[str, Callable[[], bool]] = {
        f"{services.fse}/fse": lambda: "Vous agissez pour ROCHE Anne" in helper.page.text,
        f"{services.apache}/two-factors": lambda: helper.page.text == "page two-factors",
        f"{services.nginx.origin}/depot": lambda: "Vous agissez pour ROCHE Anne" in helper.page.text,
        f"{services.caddy}/depot": lambda: "Vous agissez pour ROCHE Anne" in helper.page.text,
    }
    for number, (address, is_open) in enumerate(opened.items()):
        helper.get(address)
        if number == 0:
            sign_in(helper, provider, assistant)
        assert helper.page.url == address, helper.page.text[:300]
        assert is_open(), helper.page.text
    for origin in (services.nginx.origin, services.caddy):
        assert helper.get(f"{origin}/compte").status == 403

    practice = Browser()
    practice._session.verify = str(services.nginx.ca)
    practice.get(f"{services.fse}/login")
    sign_in(practice, provider, doctor)
    practice.get(f"{provider.settings.issuer}/profile")
    practice.follow("Supprimer NAUDIN Fernand")
    practice.submit({"remove": "1"}, form=1)
    deadline = time.monotonic() + REMOVED_WITHIN_SECONDS

    def refused(address: str) -> bool:
        helper.get(address)
        return helper.page.url != address and helper.path.endswith("/identification")

    for address in opened:
        left = max(deadline - time.monotonic(), 0)
        wait_until(partial(refused, address), f"{address} refuses", seconds=left)

    assert "Praticien identifié : ROCHE Anne" in practice.get(f"{services.fse}/fse").text
    for origin in (services.nginx.origin, services.caddy):
        page = practice.get(f"{origin}/compte")
        assert (page.url, "Vous êtes ROCHE Anne" in page.text) == (f"{origin}/compte", True)
