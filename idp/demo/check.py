"""``idp demo --check``: the story over HTTP, ending with the doctor's and the assistant's ID tokens side by side."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp

from idp.demo.browser import Browser
from idp.demo.configuration import CONFIDENTIAL
from idp.demo.failure import DemoFailed
from idp.demo.relying_party import CodeFlow
from idp.demo.world import World
from idp.rules.assurance import FUND_ZONE

_STEP_SECONDS = 30
_REMOVED_WITHIN_SECONDS = 5.0

Person = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """The decoded ID tokens of the doctor and of the assistant."""

    doctor: dict[str, Any]
    assistant: dict[str, Any]


def check(world: World, tell: Callable[[str], None]) -> Tokens:
    """Walk the journeys, telling each, and return the two tokens. Raises ``DemoFailed`` saying where it went wrong.

    It may be repeated in a kept folder: a code that was spent before is followed by the next one.
    """
    story = _Story(world, tell)
    try:
        return story.walk()
    except Exception as error:
        what = str(error) if isinstance(error, DemoFailed) else f"{type(error).__name__}: {error}"
        raise DemoFailed(f"failed while {story.journey}: {what}") from error


class _Story:
    def __init__(self, world: World, tell: Callable[[str], None]) -> None:
        self.journey = "the check began"
        self._world = world
        self._tell = tell

    def walk(self) -> Tokens:
        told = self._world.accounts()
        doctor, newcomer = (one for one in told if one["role"] == "practitioner")
        assistant = next(one for one in told if one["role"] == "assistant")
        self._now("the doctor signs in with password and code")
        doctors = self._id_token(doctor)
        _expect(
            doctors["acr"] == "mfa" and "act" not in doctors, "acr=mfa and no act in the doctor's ID token"
        )
        self._now("the assistant signs in with the practice's password and their own code")
        assistants = self._id_token(assistant)
        _expect(assistants.get("act", {}).get("name") == assistant["name"], "the assistant's name in act")
        _expect(assistants["sub"] == doctors["sub"], "the doctor as sub in both ID tokens")
        practice = self._practice(newcomer)
        if self._world.legacy:
            self._now(
                f"the doctor opens the portal behind {self._world.legacy.proxy.name} by the same sign-in"
            )
            page = practice.get(f"{self._world.legacy.origin}/compte")
            _expect(f"Vous êtes {newcomer['name']}" in page.text, "the doctor's name in the headers")
        self._assistant_comes_and_goes(practice, newcomer)
        return Tokens(doctors, assistants)

    def _practice(self, doctor: Person) -> Browser:
        how = "signs in" if doctor["mfa"] else "activates double authentication"
        self._now(f"another doctor {how} on the way to the FSE portal")
        browser = Browser()
        self._identify(browser, f"{self._world.portal}/login", doctor, activate_mfa="on")
        if browser.page.secret is not None:
            browser.submit({"code": self._code(browser.page.secret)})
            _expect(browser.path.endswith("/recovery-codes"), "the recovery codes after the activation")
            browser.submit({})
        else:
            self._enter_code(browser, doctor["totp_secret"])
        _expect(
            f"Praticien identifié : {doctor['name']}" in browser.page.text, "the doctor's name at the portal"
        )
        return browser

    def _assistant_comes_and_goes(self, practice: Browser, doctor: Person) -> None:
        name = f"MARTINI Alba {secrets.randbelow(9000) + 1000}"
        self._now("the doctor adds an assistant on the profile")
        page = practice.get(f"{self._world.profile}/assistants/new")
        _expect(page.secret is not None, f"the page that adds an assistant, not {page.url} ({page.status})")
        secret = page.secret or ""
        today = datetime.now(FUND_ZONE).date().isoformat()
        # The code before this one is right too: spent here, it leaves the present one for the sign-in.
        page = practice.submit({"name": name, "valid_from": today, "code": self._code(secret, earlier=True)})
        _expect(page.status == 200 and name in page.text, "the new assistant in the list")
        self._now("the assistant signs in to the portal, which knows who acts")
        helper = Browser()
        self._identify(helper, f"{self._world.portal}/login", doctor)
        self._enter_code(helper, secret)
        acting = f"Vous agissez pour {doctor['name']}"
        _expect(
            acting in helper.page.text and name in helper.page.text, f"{acting!r} with the assistant's name"
        )
        _expect(helper.get(self._world.profile).status == 403, "no profile for the assistant")
        open_ones = [f"{self._world.portal}/fse"]
        if self._world.legacy:
            self._now("the assistant opens it too, but not the doctor's account page")
            open_ones.append(f"{self._world.legacy.origin}/")
            _expect(acting in helper.get(open_ones[-1]).text, f"{acting!r} by the headers")
            _expect(helper.get(f"{open_ones[-1]}compte").status == 403, "no account page for the assistant")
        self._now("the doctor removes the assistant, who is out of every portal")
        practice.get(self._world.profile)
        practice.follow(f"Supprimer {name}")
        practice.submit({"remove": "1"}, form=1)
        deadline = time.monotonic() + _REMOVED_WITHIN_SECONDS
        for address in open_ones:
            while acting in helper.get(address).text:
                _expect(
                    time.monotonic() < deadline, f"the end of the session within {_REMOVED_WITHIN_SECONDS} s"
                )
                time.sleep(0.2)
            _expect(helper.path.endswith("/identification"), "the identification page for who was removed")

    def _id_token(self, person: Person) -> dict[str, Any]:
        """Sign in to the confidential client of the demo and return the verified claims of the ID token."""
        client = next(one for one in self._world.description()["clients"] if one["client_id"] == CONFIDENTIAL)
        flow = CodeFlow(self._world.issuer, client)
        browser = Browser(stop_at=(flow.origin,))
        self._identify(browser, flow.begin(), person)
        self._enter_code(browser, person["totp_secret"])
        return flow.finish(browser.page.url)

    def _identify(self, browser: Browser, url: str, person: Person, **more: str) -> None:
        browser.get(url)
        browser.submit({"identifier": person["identifier"], "password": person["password"], **more})

    def _enter_code(self, browser: Browser, secret: str) -> None:
        """Enter the phone's code; the next one if this one was spent in an earlier check."""
        _expect(browser.path.endswith("/code"), f"the code page after the password, not {browser.page.url}")
        browser.submit({"code": self._code(secret)})
        if browser.path.endswith("/code"):
            left = _STEP_SECONDS - self._seconds() % _STEP_SECONDS
            self._tell(f"waiting {left:.0f} s for the next code")
            time.sleep(left)
            browser.submit({"code": self._code(secret)})

    def _code(self, secret: str, *, earlier: bool = False) -> str:
        if earlier and (left := _STEP_SECONDS - self._seconds() % _STEP_SECONDS) < 2:
            time.sleep(left)
        return pyotp.TOTP(secret).at(int(self._seconds()) - (_STEP_SECONDS if earlier else 0))

    def _seconds(self) -> float:
        return self._world.parts.clock.now().timestamp()

    def _now(self, journey: str) -> None:
        self.journey = journey
        self._tell(journey)


def _expect(met: bool, what: str) -> None:
    if not met:
        raise DemoFailed(f"expected {what}")
