"""``idp demo --check``: the story over HTTP, ending with the doctor's and the assistant's ID tokens side by side."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.demo.browser import Browser
from idp.demo.world import World
from idp.rules.assurance import FUND_ZONE


class CheckFailed(Exception):
    """A journey did not end as the story tells; the text says where."""


@dataclass(frozen=True)
class Tokens:
    """The decoded ID tokens of the doctor and of the assistant."""

    doctor: dict[str, Any]
    assistant: dict[str, Any]


def check(world: World, tell: Callable[[str], None]) -> Tokens:
    """Walk the journeys, telling each, and return the two tokens. Raises ``CheckFailed``."""
    people = {(one["role"], one["mfa"]): one for one in world.description["accounts"]}
    doctor, newcomer = people["practitioner", True], people["practitioner", False]
    assistant = people["assistant", True]
    tell("the doctor signs in with password and code")
    doctors = _id_token(world, doctor)
    _expect(doctors["acr"] == "mfa" and "act" not in doctors, "the doctor's ID token has acr=mfa and no act")
    tell("the assistant signs in with the practice's password and their own code")
    assistants = _id_token(world, assistant)
    _expect(
        assistants.get("act", {}).get("name") == assistant["name"],
        "the assistant's ID token names them in act",
    )
    _expect(assistants["sub"] == doctors["sub"], "sub is the doctor in both")
    tell("another doctor activates double authentication on the way to the FSE portal")
    at_portal = Browser()
    _activate(world, at_portal, newcomer)
    tell("and adds an assistant on the profile")
    secret = _add_assistant(world, at_portal)
    tell("who signs in to the portal; the portal knows who acts")
    helper = Browser()
    _sign_in(helper, f"{world.portal}/login", newcomer, secret)
    _expect(
        f"Vous agissez pour {newcomer['name']}" in helper.page.text,
        "the portal says for whom the assistant acts",
    )
    helper.get(world.description["profile"])
    _expect(helper.page.status == 403, "the profile is refused to the assistant")
    return Tokens(doctors, assistants)


def _activate(world: World, browser: Browser, person: dict[str, Any]) -> None:
    browser.get(f"{world.portal}/login")
    typed = {"identifier": person["identifier"], "password": person["password"], "activate_mfa": "on"}
    page = browser.submit(typed)
    if page.secret is None:
        raise CheckFailed(f"the activation page with its key was expected, not {page.url}")
    page = browser.submit({"code": _code(page.secret, earlier=True)})
    _expect(f"Praticien identifié : {person['name']}" in page.text, "the portal names the doctor")


def _add_assistant(world: World, browser: Browser) -> str:
    page = browser.get(f"{world.issuer}/profile/assistants/new")
    secret = page.secret
    if secret is None:
        raise CheckFailed(f"the page that adds an assistant was expected, not {page.url} ({page.status})")
    today = datetime.now(FUND_ZONE).date().isoformat()
    entered = {"name": "MARTINI Alba", "valid_from": today, "code": _code(secret, earlier=True)}
    page = browser.submit(entered)
    _expect(page.status == 200 and "MARTINI Alba" in page.text, "the list shows the new assistant")
    return secret


def _sign_in(browser: Browser, url: str, person: dict[str, Any], secret: str | None) -> None:
    browser.get(url)
    browser.submit({"identifier": person["identifier"], "password": person["password"]})
    if secret is not None:
        _expect(browser.path.endswith("/code"), "the code is asked for after the password")
        browser.submit({"code": _code(secret)})


def _id_token(world: World, person: dict[str, Any]) -> dict[str, Any]:
    """Sign in to the confidential demo client and return the verified claims of the ID token."""
    client = next(one for one in world.description["clients"] if one["client_id"] == "demo-confidential")
    redirect_uri = client["redirect_uris"][0]
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": client["client_id"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid profile",
        "state": secrets.token_urlsafe(16),
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "acr_values": "mfa",
    }
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(redirect_uri))
    browser = Browser(stop_at=(origin,))
    http = requests.Session()
    http.trust_env = False
    discovered = http.get(f"{world.issuer}/.well-known/openid-configuration", timeout=10).json()
    _sign_in(
        browser, f"{discovered['authorization_endpoint']}?{urlencode(asked)}", person, person["totp_secret"]
    )
    answer = parse_qs(urlsplit(browser.page.url).query)
    _expect(
        answer.get("state") == [asked["state"]] and answer.get("iss") == [world.issuer],
        "state and iss come back",
    )
    response = http.post(
        discovered["token_endpoint"],
        data={
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
        auth=(client["client_id"], client["client_secret"]),
        timeout=10,
    )
    _expect(response.status_code == 200, "the code gives tokens")
    keys = KeySet.import_key_set(http.get(discovered["jwks_uri"], timeout=10).json())
    claims = dict(jwt.decode(response.json()["id_token"], keys, algorithms=["RS256", "ES256"]).claims)
    frame = (claims["iss"], claims["aud"], claims["nonce"])
    _expect(frame == (world.issuer, client["client_id"], nonce), "iss, aud and nonce are right")
    return claims


def _code(secret: str, *, earlier: bool = False) -> str:
    """Return the code of now, or of the step before: a new phone's first code, so that its next is still to come."""
    totp = pyotp.TOTP(secret)
    left = totp.interval - time.time() % totp.interval
    if left < 2:
        time.sleep(left)
    return totp.at(int(time.time()) - (totp.interval if earlier else 0))


def _expect(met: bool, what: str) -> None:
    if not met:
        raise CheckFailed(f"expected, but not so: {what}")
