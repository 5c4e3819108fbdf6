"""What somebody knows who watches every keyboard and phone: the oracle of the state machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from idp.rules.delegation import Window
from tests.journeys.story import code_of, codes_shown
from tests.provider import Provider, Someone, Visit

REFRESHABLE = timedelta(days=30)
_IDENTIFIER = re.compile(r"Identifiant : (\d+)")
_SIGNED_IN = re.compile(r"Connecté : <strong>([^<]+)</strong>")


@dataclass(eq=False)
class Account:
    """One account as the model knows it."""

    who: Someone
    profile: str
    sub: str
    activated: bool
    disabled: bool = False
    codes: list[str] = field(default_factory=list)
    """Recovery codes that were shown, and not used."""
    support_code: str | None = None
    """What support gave for a new phone."""


@dataclass(eq=False)
class Phone:
    """One confirmed phone, and for whom it speaks."""

    account: Account
    secret: str
    name: str | None = None
    """The assistant's; ``None``: the account's holder."""
    window: Window | None = None
    delegation_id: str = ""
    removed: bool = False
    last_step: int = -1

    def counts(self, now: datetime) -> bool:
        """Say whether its holder may sign in at ``now``."""
        in_time = self.window is None or self.window.holds(now)
        return in_time and not self.removed and not self.account.disabled

    def fits(self, code: str, provider: Provider) -> int | None:
        """Return the step at which ``code`` is to be accepted from it, or ``None``."""
        now = int(provider.clock.now().timestamp()) // 30
        for back in (0, 1):
            if code == code_of(self.secret, provider.clock, steps=-back):
                return now - back if now - back > self.last_step else None
        return None


@dataclass(eq=False)
class SignedIn:
    """One person at one browser, with what that browser showed for them."""

    account: Account
    since: datetime
    """When they were let in; their password was typed at most one transaction before."""
    phone: Phone | None = None
    """The phone whose code was shown; ``None``: the password alone."""

    @property
    def actor(self) -> str | None:
        """The assistant's name when one acts."""
        return self.phone.name if self.phone else None

    @property
    def name(self) -> str:
        """What pages call the person."""
        return self.actor or self.account.who.name

    @property
    def manages(self) -> bool:
        """Whether they may change who enters."""
        practitioner = self.account.profile == "health_professional"
        return practitioner and self.phone is not None and self.actor is None


@dataclass(eq=False)
class Tokens:
    """What a service got, and on which proofs."""

    client_id: str
    session: SignedIn
    phone: Phone | None
    claims: dict[str, Any]
    issued: datetime
    access: str
    refresh: str
    dead: bool = False

    def counts(self, now: datetime, obliged: datetime) -> bool:
        """Say whether a refresh must succeed at ``now``."""
        account = self.session.account
        if self.dead or account.disabled or now >= self.issued + REFRESHABLE:
            return False
        if self.phone is not None:
            return self.phone.counts(now)
        return not account.activated and not (self.client_id == "portal" and now >= obliged)


@dataclass(eq=False)
class Browser:
    """One browser and everything that was shown to the provider through it."""

    visit: Visit
    session: SignedIn | None = None
    passwords: dict[str, datetime] = field(default_factory=dict)
    """Identifiers whose right password was typed here since the user changed, and when last."""
    seen: list[str] = field(default_factory=list)
    """Addresses of sign-ins that were begun here."""

    @property
    def step(self) -> str:
        """The page of a sign-in that is shown, or nothing."""
        page = self.visit.page
        shown = page.url.startswith("/signin/") and page.forms and self.visit.left_for is None
        return self.visit.step if shown else ""

    @property
    def codes(self) -> list[str]:
        """The recovery codes that the page shows."""
        return codes_shown(self.visit)

    @property
    def identifier(self) -> str:
        """The identifier that the page shown names."""
        found = _IDENTIFIER.search(self.visit.page.text)
        return found[1] if found else ""

    @property
    def got_code(self) -> bool:
        """Whether the last answer gave a service a code."""
        return self.visit.left_for is not None and "code" in self.visit.answer

    @property
    def arrived(self) -> bool:
        """Whether the last answer let somebody in: at a service, or at a page of the profile."""
        at_profile = self.visit.left_for is None and self.visit.page.url.startswith("/profile")
        return self.got_code or at_profile

    @property
    def service(self) -> str:
        """The service that the last answer led to."""
        return urlsplit(self.visit.left_for or "").netloc.partition(".")[0]

    def is_signed_in(self) -> bool:
        """Look at the home page, without leaving the page shown; it must greet whom the model knows."""
        answer = self.visit.client.get("/", base_url="https://idp.test")
        assert answer.status_code == 200
        found = _SIGNED_IN.search(answer.text)
        if found is not None:
            assert self.session is not None
            assert found[1] == self.session.name
        return found is not None
