"""Any journey of four people at two browsers and four services: what must hold, holds after every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.journeys.model import Browser, Phone
from tests.journeys.recovering import RecoveringWorld
from tests.provider import Provider

Thing = TypeVar("Thing")
ANY = st.integers(0, 11)
"""Chooses among what there is at the moment."""
CLIENTS = st.sampled_from(["portal", "open", "strict", "retirement"])
REQUESTS: list[dict[str, str]] = [
    {}, {}, {}, {"prompt": "login"}, {"prompt": "none"}, {"prompt": "none"}, {"max_age": "0"},
    {"acr_values": "mfa"}, {"prompt": "none", "acr_values": "mfa"},
]  # fmt: skip


class AnyJourney(RuleBasedStateMachine):
    """People who do anything in any order. A rule chooses; ``RecoveringWorld`` does it and says what must hold."""

    provider: ClassVar[Provider]

    def __init__(self) -> None:
        super().__init__()
        self.world = RecoveringWorld(self.provider)

    def showing(self, *steps: str) -> list[Browser]:
        """Return the browsers that show one of these pages of a sign-in."""
        return [browser for browser in self.world.browsers if browser.step in steps]

    def present(self) -> list[Browser]:
        """Return the browsers where the model knows of somebody."""
        return [browser for browser in self.world.browsers if browser.session is not None]

    def managing(self) -> list[Browser]:
        """Return the browsers where somebody is, those of practitioners with two factors often."""
        present = self.present()
        return present + 3 * [one for one in present if one.session and one.session.manages]

    def assistants(self, browser: Browser) -> list[Phone]:
        """Return the phones of assistants, former ones too, those of the account signed in there often."""
        known = [phone for phone in self.world.phones if phone.name is not None]
        account = browser.session.account if browser.session else None
        return known + 3 * [phone for phone in known if phone.account is account]

    @rule(at=ANY, client_id=CLIENTS, who=ANY, which=ANY, fresh=st.booleans())
    def sign_in(self, at: int, client_id: str, who: int, which: int, fresh: bool) -> None:
        """Somebody goes the whole way at once, with one of the phones of the practice if one is asked for."""
        world = self.world
        browser, account = pick(world.browsers, at), pick(world.accounts, who)
        world.authorize(browser, client_id, {"prompt": "login"})
        world.identify(browser, account, right=True, tick=False)
        if browser.step == "activation":
            world.activate(browser, right=True)
            if browser.step == "recovery-codes":
                world.keep_codes(browser)
        elif browser.step == "code" and which % 3 == 0 and world.paper(account):
            world.recover(browser, pick(world.paper(account), which), forgotten=fresh)
            if browser.step == "recovery-codes":
                world.keep_codes(browser)
        elif browser.step == "code":
            own = [phone for phone in world.phones if phone.account is account]
            world.enter_code(browser, pick(own, which), steps=0, fresh=fresh)

    @rule(at=ANY, client_id=CLIENTS, asks=st.sampled_from(REQUESTS))
    def authorize(self, at: int, client_id: str, asks: dict[str, str]) -> None:
        """A service asks for somebody."""
        self.world.authorize(pick(self.world.browsers, at), client_id, asks)

    @precondition(lambda self: self.showing("identification"))
    @rule(at=ANY, who=ANY, right=st.sampled_from([True, True, False]), tick=st.booleans())
    def identify(self, at: int, who: int, right: bool, tick: bool) -> None:
        """Somebody types an identifier and a password."""
        browser, account = pick(self.showing("identification"), at), pick(self.world.accounts, who)
        self.world.identify(browser, account, right=right, tick=tick)

    @precondition(lambda self: self.showing("code"))
    @rule(at=ANY, which=ANY, steps=st.sampled_from([0, 0, 0, -1, -2, 1]), fresh=st.booleans())
    def enter_code(self, at: int, which: int, steps: int, fresh: bool) -> None:
        """Somebody types what any phone shows."""
        browser, phone = pick(self.showing("code"), at), pick(self.world.phones, which)
        self.world.enter_code(browser, phone, steps=steps, fresh=fresh)

    @precondition(lambda self: self.showing("activation"))
    @rule(at=ANY, right=st.sampled_from([True, True, False]))
    def activate(self, at: int, right: bool) -> None:
        """Somebody scans the key and types the first code."""
        self.world.activate(pick(self.showing("activation"), at), right=right)

    @precondition(lambda self: self.showing("recovery-codes"))
    @rule(at=ANY)
    def keep_codes(self, at: int) -> None:
        """Somebody keeps the recovery codes and goes on."""
        self.world.keep_codes(pick(self.showing("recovery-codes"), at))

    @precondition(lambda self: self.showing("code"))
    @rule(at=ANY, which=ANY, right=st.sampled_from([True, True, False]), forgotten=st.booleans())
    def recover(self, at: int, which: int, right: bool, forgotten: bool) -> None:
        """Somebody without a phone types a code from paper, one of this account or of any."""
        browser = pick(self.showing("code"), at)
        everybody = self.world.accounts
        own = [one for one in everybody if one.who.identifier == browser.identifier] if right else everybody
        codes = [code for one in own for code in self.world.paper(one)]
        self.world.recover(browser, pick([*codes, "AAAAA-AAAAA"], which), forgotten=forgotten)

    @precondition(lambda self: self.world.resets < 2)
    @rule(who=ANY)
    def support_resets_a_phone(self, who: int) -> None:
        """Support takes somebody's phone away, and gives a code for a new one."""
        self.world.reset(pick([account for account in self.world.accounts if account.activated], who))

    @precondition(lambda self: self.showing("identification", "code", "activation", "refused"))
    @rule(at=ANY)
    def cancel(self, at: int) -> None:
        """Somebody presses Annuler, or goes back to the service."""
        browser = pick(self.showing("identification", "code", "activation", "refused"), at)
        browser.visit.submit(cancel="1")
        assert not browser.arrived

    @rule(at=ANY, how=st.sampled_from(["home", "logout", "here"]))
    def leave(self, at: int, how: str) -> None:
        """Somebody changes the user, or signs out."""
        self.world.leave(pick(self.world.browsers, at), how)

    @precondition(lambda self: any(browser.seen for browser in self.world.browsers))
    @rule(at=ANY, begun_at=ANY, which=ANY)
    def go_back(self, at: int, begun_at: int, which: int) -> None:
        """Somebody opens a page of an older sign-in again."""
        beginner = pick([browser for browser in self.world.browsers if browser.seen], begun_at)
        self.world.go_back(pick(self.world.browsers, at), beginner, pick(beginner.seen[::-1], which))

    @rule(seconds=st.sampled_from([1, 30, 30, 60, 300, 601, 1800, 86_400, 20 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        """The clock moves on."""
        self.world.provider.clock.advance(seconds=seconds)

    @rule(at=ANY, path=st.sampled_from(["/", "/profile"]))
    def look(self, at: int, path: str) -> None:
        """Somebody opens a page that manages nothing."""
        self.world.look(pick(self.world.browsers, at), path)

    @precondition(lambda self: self.present())
    @rule(at=ANY)
    def add_assistant(self, at: int) -> None:
        """Somebody adds an assistant, if they get so far."""
        if len(self.world.phones) < 8:
            self.world.add_assistant(pick(self.managing(), at))

    @precondition(lambda self: self.present())
    @rule(at=ANY, which=ANY, days=st.sampled_from([None, -1, 1]))
    def change_assistant(self, at: int, which: int, days: int | None) -> None:
        """Somebody removes an assistant, or ends their time yesterday or tomorrow, if they get so far."""
        browser = pick(self.managing(), at)
        self.world.change_assistant(browser, pick(self.assistants(browser), which), days)

    @rule(who=ANY, off=st.sampled_from([True, False, False]))
    def support_switches_an_account(self, who: int, off: bool) -> None:
        """Support disables an account, or enables it again."""
        self.world.switch_account(pick(self.world.accounts, who), off=off)

    @precondition(lambda self: self.world.tokens)
    @rule(which=ANY)
    def refresh(self, which: int) -> None:
        """A service refreshes its tokens."""
        self.world.refresh(pick(self.world.tokens[::-1], which))

    @invariant()
    def no_answer_is_a_fault(self) -> None:
        """Never a 5xx."""
        for browser in self.world.browsers:
            assert browser.visit.page.status < 500
            if browser.step and browser.visit.page.url not in browser.seen:
                browser.seen.append(browser.visit.page.url)


def pick(things: Sequence[Thing], number: int) -> Thing:
    """Return one of ``things``, whatever the number."""
    return things[number % len(things)]


@pytest.mark.timeout(300)
def test_any_journey_keeps_what_must_hold(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnyJourney, "provider", provider, raising=False)
    run_state_machine_as_test(
        AnyJourney,
        settings=settings(
            max_examples=80,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
