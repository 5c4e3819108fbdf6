"""Practice software that calls the portal's API: a client of the provider, and nothing else."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from idp.demo.browser import Browser
from tests.demo_process import DemoProcess

SHEET = {
    "date": "2026-01-13",
    "caisse": "CCSS",
    "matricule": "123456",
    "rang": "1",
    "acte": "C",
    "montant": "25",
}


class Software:
    """One installation; ``browser`` is the person's, which it opens to sign in."""

    def __init__(self, demo: DemoProcess, browser: Browser) -> None:
        self.browser = browser
        self.demo = demo
        self.client = next(one for one in demo.told["clients"] if one["client_id"] == "logiciel-cabinet")
        self.redirect_uri: str = self.client["redirect_uris"][0]
        self.access_token = ""
        self._verifier = secrets.token_urlsafe(48)

    def ask(self, **wishes: str) -> None:
        """Send the browser to the provider for a token for the portal's API."""
        asked = {
            "client_id": self.client["client_id"],
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid fse",
            "resource": f"{self.demo.portal}/api",
            "code_challenge": create_s256_code_challenge(self._verifier),  # type: ignore[no-untyped-call]
            "code_challenge_method": "S256",
            **wishes,
        }
        self.browser.get(f"{self.demo.issuer}/oauth2/authorize?{urlencode(asked)}")

    def take(self) -> None:
        """Redeem the code that the browser came back with."""
        page = self.browser.page
        assert page.url.startswith(self.redirect_uri), (page.url, page.text)
        (code,) = parse_qs(urlsplit(page.url).query)["code"]
        answer = requests.post(
            f"{self.demo.issuer}/oauth2/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": self._verifier,
            },
            auth=(self.client["client_id"], self.client["client_secret"]),
            timeout=15,
        )
        assert answer.ok, answer.text
        self.access_token = answer.json()["access_token"]

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        """Call the API."""
        headers = {"Authorization": f"Bearer {self.access_token}"}
        return requests.request(method, f"{self.demo.portal}/api{path}", headers=headers, timeout=15, **how)


def challenge(answer: requests.Response) -> Mapping[str, str]:
    """Read the parameters of ``WWW-Authenticate: Bearer``, as any client of RFC 9470 does."""
    kind, _, parameters = answer.headers["WWW-Authenticate"].partition(" ")
    assert kind == "Bearer"
    return dict(re.findall(r'([a-z_]+)="([^"]*)"', parameters))
