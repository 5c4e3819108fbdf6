"""The acts of people and services, each done at the real provider and held against the model at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from idp.accounts import directory, recovery_codes
from idp.rules.assurance import FUND_ZONE
from idp.rules.delegation import PRACTITIONER, Window, first_day, window_of_days
from idp.storage.schema import account as account_table
from idp.storage.schema import delegation
from tests.journeys.model import Account, Browser, Phone, SignedIn, Tokens
from tests.journeys.story import code_of, switch_user
from tests.provider import START, Provider

OBLIGED = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
"""From when the portal demands two factors."""
RECENT, TRANSACTION = timedelta(seconds=900), timedelta(seconds=600)
"""How old a sign-in may be that manages, and how long a sign-in may take."""
_numbers = count(500_000)


class WatchedWorld:
    """A doctor with an assistant, a doctor without the second factor, an insured person; two browsers."""

    def __init__(self, provider: Provider) -> None:
        provider.clock.set(START)
        self.provider = provider
        self.browsers = [Browser(provider.browser()) for _ in range(2)]
        self.accounts = [
            self._account("DURAND", PRACTITIONER, mfa=True),
            self._account("MARTIN", PRACTITIONER),
            self._account("ROSSI", "insured"),
        ]
        assistant = provider.add_assistant(self.accounts[0].who, "NAUDIN")
        window = window_of_days(date(2025, 12, 3), None)
        self.phones = [
            Phone(self.accounts[0], self.accounts[0].who.secret or ""),
            Phone(self.accounts[0], assistant.secret or "", "NAUDIN", window),
        ]
        self._learn_delegation()
        self.tokens: list[Tokens] = []
        self.unseen: dict[str, Phone] = {}
        """By address: the page of recovery codes that follows a phone just confirmed."""

    def authorize(self, browser: Browser, client_id: str, asks: dict[str, str]) -> None:
        """A service asks for somebody."""
        browser.visit.authorize(client_id, **asks)
        if browser.got_code:
            assert asks.get("prompt") != "login"
            assert "max_age" not in asks
            self._redeem(browser, asks.get("acr_values", "pwd"))

    def identify(self, browser: Browser, account: Account, *, right: bool, tick: bool) -> None:
        """Somebody types an identifier and a password."""
        was_there = browser.is_signed_in()
        password = account.who.password if right else "13572468"
        ticked = {"activate_mfa": "1"} if tick else {}
        page = browser.visit.submit(identifier=account.who.identifier, password=password, **ticked)
        if page.error == "expired":
            return
        if browser.step == "identification":
            assert page.status == 429 or not right or account.disabled
            return
        assert right
        assert not account.disabled
        browser.passwords[account.who.identifier] = self.provider.clock.now()
        if browser.arrived:
            assert not account.activated
            assert not tick
            self._let_in(browser, SignedIn(account, self.provider.clock.now()), was_there)

    def enter_code(self, browser: Browser, phone: Phone, *, steps: int, fresh: bool) -> None:
        """Somebody types what a phone shows: their own or not, fresh or again."""
        account = self._account_named(browser)
        if fresh:
            self.provider.clock.advance(seconds=30)
        was_there = browser.is_signed_in()
        code = code_of(phone.secret, self.provider.clock, steps=steps)
        step = phone.fits(code, self.provider)
        good = step is not None and phone.account is account and phone.counts(self.provider.clock.now())
        page = browser.visit.submit(code=code)
        if page.status == 429 or page.error == "expired" or browser.step == "identification":
            assert not browser.arrived
            return
        assert (browser.step != "code") == good
        if step is not None and good:
            phone.last_step = step
            if browser.arrived:
                self._let_in(browser, SignedIn(account, self.provider.clock.now(), phone), was_there)

    def activate(self, browser: Browser, *, right: bool) -> None:
        """Somebody scans the key and types the first code."""
        account, secret = self._account_named(browser), browser.visit.page.secret
        assert secret is not None
        assert secret not in {phone.secret for phone in self.phones}
        browser.visit.submit(code=code_of(secret, self.provider.clock) if right else "12345")
        assert not browser.arrived
        if browser.step != "recovery-codes":
            assert not right or account.activated or account.disabled or browser.step != "activation"
            return
        assert right
        assert not account.activated
        account.activated = True
        self.phones.append(Phone(account, secret, last_step=self._step()))
        self._see_codes(browser, self.phones[-1])

    def leave(self, browser: Browser, how: str) -> None:
        """Somebody changes the user on the page of a sign-in (``here``) or at ``home``, or signs out."""
        was_there = browser.is_signed_in()
        if how == "here" and browser.step in ("code", "refused"):
            switch_user(browser.visit)
        elif how == "home" and was_there:
            browser.visit.get("/")
            switch_user(browser.visit)
        elif how == "logout" and was_there:
            browser.visit.get("/logout")
            browser.visit.submit()
        else:
            return
        if was_there:
            self._kill(lambda one: one.session is browser.session)
        browser.session = None
        browser.passwords.clear()
        assert not browser.is_signed_in()

    def go_back(self, browser: Browser, beginner: Browser, address: str) -> None:
        """Somebody opens a page of an older sign-in again, perhaps in a browser that did not begin it."""
        page = browser.visit.get(address)
        assert page.error == "expired" or browser is beginner
        if browser.got_code:
            self._redeem(browser)

    def look(self, browser: Browser, path: str) -> None:
        """Somebody opens a page that manages nothing."""
        page = browser.visit.get(path)
        if page.status == 200 and page.url == "/profile":
            assert browser.session is not None
            assert browser.session.actor is None
            assert browser.session.phone is not None or not browser.session.account.activated

    def add_assistant(self, browser: Browser) -> None:
        """Somebody adds an assistant, if they get so far."""
        page = browser.visit.get("/profile/assistants/new")
        session = self._managing(browser)
        if session is None:
            return
        assert page.secret is not None
        today = self.provider.clock.now().astimezone(FUND_ZONE).date()
        code = code_of(page.secret, self.provider.clock)
        browser.visit.submit(name="ADDED", valid_from=today.isoformat(), code=code)
        assert browser.visit.page.url == "/profile"
        window = window_of_days(today, None)
        self.phones.append(Phone(session.account, page.secret, "ADDED", window, last_step=self._step()))
        self._learn_delegation()

    def change_assistant(self, browser: Browser, phone: Phone, days: int | None) -> None:
        """Somebody removes an assistant (``None``), or ends their time so many days from now, if they get so far."""
        page = browser.visit.get(f"/profile/assistants/{phone.delegation_id}")
        session = self._managing(browser)
        if session is None or phone.window is None:
            return
        assert (page.status == 404) == (phone.removed or session.account is not phone.account)
        if page.status == 404:
            return
        now, first = self.provider.clock.now(), first_day(phone.window)
        if days is None:
            browser.visit.submit(1, remove="1")
            phone.removed = True
            self._kill(lambda one: one.phone is phone)
        else:
            last = max(first, now.astimezone(FUND_ZONE).date() + timedelta(days=days))
            browser.visit.submit(valid_until=last.isoformat())
            after = Window(phone.window.start, window_of_days(first, last).end)
            if phone.window.is_over(now) or after.is_over(now):
                self._kill(lambda one: one.phone is phone)
            phone.window = after
        assert browser.visit.page.url == "/profile"

    def switch_account(self, account: Account, *, off: bool) -> None:
        """Support disables an account, or enables it again."""
        with self.provider.parts.database.write() as connection:
            account_id = self.provider.account_id(connection, account.who)
            directory.set_disabled(connection, account_id, self.provider.clock.now() if off else None)
        account.disabled = off
        if off:
            self._kill(lambda one: one.session.account is account)

    def refresh(self, tokens: Tokens) -> None:
        """A service refreshes its tokens and asks for claims."""
        must = tokens.counts(self.provider.clock.now(), OBLIGED)
        answer = self.provider.refresh(tokens.refresh, tokens.client_id)
        assert answer.status_code == (200 if must else 400)
        if not must:
            assert self.provider.userinfo(tokens.access).status_code == 401
            tokens.dead = True
            return
        body = answer.get_json()
        claims = self.provider.claims(body["id_token"])
        for claim in ("sub", "acr", "amr", "auth_time", "sid", "act"):
            assert claims.get(claim) == tokens.claims.get(claim)
        tokens.access, tokens.refresh = body["access_token"], body["refresh_token"]
        assert self.provider.userinfo(tokens.access).get_json().get("act") == tokens.claims.get("act")

    def _see_codes(self, browser: Browser, phone: Phone) -> None:
        assert len(browser.codes) == recovery_codes.HOW_MANY
        phone.account.codes = browser.codes
        self.unseen[browser.visit.page.url] = phone

    def _let_in(self, browser: Browser, proved: SignedIn, was_there: bool) -> None:
        before = browser.session
        same = before is not None and (before.account, before.actor) == (proved.account, proved.actor)
        if was_there and before is not None and same:
            before.phone = proved.phone
        else:
            if was_there:
                self._kill(lambda one: one.session is before)
            browser.session = proved
        if browser.got_code:
            self._redeem(browser)

    def _redeem(self, browser: Browser, acr: str = "pwd") -> None:
        """Redeem the code that the browser carried, and hold the tokens against what the browser has shown."""
        session, now = browser.session, self.provider.clock.now()
        assert session is not None
        account, service = session.account, browser.service
        body: dict[str, Any] = self.provider.redeem(browser.visit.answer["code"], service).get_json()
        claims = self.provider.claims(body["id_token"])
        assert claims["sub"] == account.sub
        assert account.who.identifier in browser.passwords
        assert not account.disabled
        assert (claims["acr"] == "mfa") == (session.phone is not None)
        assert claims["acr"] == "mfa" or not account.activated
        assert claims.get("act", {}).get("name") == session.actor
        assert session.phone is None or session.phone.counts(now)
        assert session.actor is None or service != "retirement"
        assert claims["acr"] == "mfa" or (service != "strict" and acr != "mfa")
        if service == "portal":
            assert account.profile == PRACTITIONER
            assert claims["acr"] == "mfa" or now < OBLIGED
        got = (claims, now, body["access_token"], body["refresh_token"])
        self.tokens.append(Tokens(service, session, session.phone, *got))

    def _managing(self, browser: Browser) -> SignedIn | None:
        """Return who manages at the page just opened, or ``None`` when nobody may; either must be right."""
        page, session = browser.visit.page, browser.session
        if browser.step:
            return None
        assert session is not None
        now = self.provider.clock.now()
        if page.status == 403:
            recent = now - session.since <= RECENT - TRANSACTION
            assert not (session.manages and recent)
            return None
        assert session.manages
        assert now - browser.passwords[session.account.who.identifier] <= RECENT
        return session

    def _account_named(self, browser: Browser) -> Account:
        """Return the account that the page names: its right password was typed in this very browser."""
        account = next(one for one in self.accounts if one.who.identifier == browser.identifier)
        assert account.who.identifier in browser.passwords
        return account

    def _kill(self, which: Callable[[Tokens], bool]) -> None:
        for one in self.tokens:
            one.dead = one.dead or which(one)

    def _step(self) -> int:
        return int(self.provider.clock.now().timestamp()) // 30

    def _account(self, name: str, profile: str, *, mfa: bool = False) -> Account:
        who = self.provider.add(str(next(_numbers)), name, profile, mfa=mfa)
        with self.provider.parts.database.read() as connection:
            account_id = self.provider.account_id(connection, who)
            query = select(account_table.c.person_id).where(account_table.c.id == account_id)
            return Account(who, profile, connection.execute(query).scalar_one(), mfa)

    def _learn_delegation(self) -> None:
        """Give the newest phone the id of its row."""
        newest = self.phones[-1]
        with self.provider.parts.database.read() as connection:
            account_id = self.provider.account_id(connection, newest.account.who)
            rows = connection.execute(select(delegation.c.id).where(delegation.c.account_id == account_id))
            [newest.delegation_id] = set(rows.scalars()) - {phone.delegation_id for phone in self.phones}
