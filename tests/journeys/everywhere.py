"""One sign-in carried everywhere: two services with tokens, an API and the next, two guarded hosts, back channels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from idp.clients.values import TOKEN_EXCHANGE
from tests.clock import MovableClock
from tests.gateway.visiting import FILES, PORTAL, WARDS, Browser
from tests.gateway.visiting import SECRET as PROXY_SECRET
from tests.protocol.answers import body
from tests.protocol.receiving import INSIDE, Receiver, receiving
from tests.provider import CLIENT_SECRET, Provider, Someone

ORDERS, PAPERS = "https://orders.test/api", "https://papers.test/api"
PROGRAM = {"Accept": "application/json"}
_CONFIDENTIAL: Mapping[str, Any] = {
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret_sha256": sha256(CLIENT_SECRET.encode()).hexdigest(),
    "profiles": ["health_professional"],
    "mfa": "optional",
    "assistants": "allowed",
}
_API: Mapping[str, Any] = {**_CONFIDENTIAL, "grant_types": [TOKEN_EXCHANGE], "redirect_uris": []}


@dataclass
class Everywhere:
    """The provider, and what its services hear over the back channel."""

    provider: Provider
    told: Mapping[str, Receiver]

    def carried(self, who: Someone) -> Carried:
        """Sign in once and go everywhere by it."""
        self.provider.clock.advance(seconds=30)  # a phone shows one code a step
        browser = Browser(self.provider)
        first = self._redeemed(browser.visit.sign_in(who, "first"), "first")
        browser.visit.authorize("second", prompt="none")
        second = self._redeemed(browser.visit.answer["code"], "second")
        asked = {"prompt": "none", "resource": ORDERS, "scope": "openid orders.read papers.read"}
        browser.visit.authorize("first", **asked)
        api = self._redeemed(browser.visit.answer["code"], "first")
        traded = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": api["access_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": "papers",
        }
        exchanged = body(self.provider.token(traded, "orders"))
        for path, origin in (("/", PORTAL), ("/ward", WARDS)):
            # Wards refuses assistants: there is nothing to carry on.
            browser.open(path, origin)
        return Carried(self.provider, browser, first, second, api["access_token"], exchanged["access_token"])

    def _redeemed(self, code: str, client_id: str) -> dict[str, Any]:
        return body(self.provider.redeem(code, client_id))


@dataclass
class Carried:
    """One browser's session, and all that was given for it."""

    provider: Provider
    browser: Browser
    first: dict[str, Any]
    second: dict[str, Any]
    for_orders: str
    for_papers: str
    """The token that ``orders`` got in exchange."""

    @property
    def sid(self) -> str:
        """The session as services know it."""
        return str(self.provider.claims(self.first["id_token"])["sid"])

    def lives(self) -> dict[str, bool]:
        """Return of everything that was given whether it still counts. A refresh token that does is replaced."""
        provider, browser = self.provider, self.browser
        browser.visit.authorize("second", prompt="none")
        alive = {"the session": "code" in browser.visit.answer}
        for name, given in (("first", self.first), ("second", self.second)):
            token = given["access_token"]
            answer = provider.refresh(given["refresh_token"], name)
            alive[f"refresh at {name}"] = answer.status_code == 200
            if answer.status_code == 200:
                given["refresh_token"] = body(answer)["refresh_token"]
            alive[f"userinfo of {name}"] = provider.userinfo(token).status_code == 200
            alive[f"introspection of {name}"] = body(provider.introspect(token, name))["active"]
        alive["introspection of the api's"] = body(provider.introspect(self.for_orders, "orders"))["active"]
        alive["introspection of the exchanged"] = body(provider.introspect(self.for_papers, "papers"))[
            "active"
        ]
        alive["the guarded portal"] = browser.ask("/", headers=PROGRAM).status_code == 204
        alive["the guarded wards"] = browser.ask("/ward", origin=WARDS, headers=PROGRAM).status_code == 204
        return alive


@contextmanager
def everywhere(folder: Path) -> Iterator[Everywhere]:
    """Give all of it inside the test; the back channels are real servers on loopback."""
    with receiving() as first, receiving() as second:
        told = {"first": first, "second": second}
        services: dict[str, Mapping[str, Any]] = {
            client_id: {
                **_CONFIDENTIAL,
                "redirect_uris": [f"https://{client_id}.test/callback"],
                "post_logout_redirect_uris": [f"https://{client_id}.test/goodbye"],
                "backchannel_logout_uri": receiver.address,
                "scope": ["openid", "profile", "offline_access", "orders.read", "papers.read"],
                "resources": [ORDERS],
            }
            for client_id, receiver in told.items()
        }
        services["orders"] = {
            **_API,
            "scope": ["papers.read"],
            "resource_identifier": ORDERS,
            "resource_scopes": ["orders.read"],
            "resources": [PAPERS],
        }
        services["papers"] = {
            **_API,
            "scope": [],
            "resource_identifier": PAPERS,
            "resource_scopes": ["papers.read"],
        }
        services |= {
            name: {"profiles": ["health_professional"], **FILES[name]} for name in ("old-portal", "wards")
        }
        (folder / "services").mkdir()
        for client_id, data in services.items():
            written = {"client_id": client_id, "name": f"Service {client_id}", **data}
            (folder / "services" / f"{client_id}.yaml").write_text(json.dumps(written), encoding="utf-8")
        (folder / "proxies").write_text(f"{PROXY_SECRET}\n")
        provider = Provider(
            folder,
            MovableClock(),
            clients_folder="services",
            gateway={"proxy_secret_file": "proxies"},
            outbound=INSIDE,
            profiles={"health_professional": {"label": "Professionnel de santé", "mfa": "optional"}},
        )
        yield Everywhere(provider, told)
        provider.parts.database.dispose()
