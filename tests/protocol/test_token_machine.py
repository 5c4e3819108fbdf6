"""Codes and tokens in any order: authorization, code, token, refresh, exchange, revocation, and every end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.clock import MovableClock
from tests.protocol.token_world import LEDGER, TokenWorld, provider_with_services
from tests.provider import Provider

Thing = TypeVar("Thing")
ANY = st.integers(0, 11)
"""Chooses among what there is at the moment, counted from the latest."""
CLIENTS = st.sampled_from(["app", "app", "app", "other", "ledger"])


def pick(found: Sequence[Thing], number: int) -> Thing:
    """Return one of ``found``, the latest for 0."""
    return found[-1 - number % len(found)]


class AnyTokens(RuleBasedStateMachine):
    """Services and people who do anything in any order. A rule chooses; ``TokenWorld`` does it, and knows."""

    provider: ClassVar[Provider]
    reached: ClassVar[Counter[str]] = Counter()
    numbers: ClassVar[Iterator[int]] = itertools.count(700_001)

    def __init__(self) -> None:
        super().__init__()
        self.world = TokenWorld(self.provider, str(next(self.numbers)))
        for who in (self.world.doctor, self.world.assistant):
            self.world.sign_in(who)
            self.world.authorize(self.world.sessions[-1], "app", LEDGER)
            self.world.redeem(self.world.given[-1], "app")
        self.world.exchange(self.world.access[0], None)

    @precondition(lambda self: len(self.world.sessions) < 4)
    @rule(acts=st.booleans())
    def sign_in(self, acts: bool) -> None:
        """The doctor or the assistant signs in at a new browser."""
        self.world.sign_in(self.world.assistant if acts else self.world.doctor)

    @precondition(lambda self: self.world.sessions)
    @rule(at=ANY, client_id=st.sampled_from(["app", "other"]), api=st.booleans())
    def authorize(self, at: int, client_id: str, api: bool) -> None:
        """A service gets another code of a session."""
        resource = LEDGER if api and client_id == "app" else None
        self.world.authorize(pick(self.world.sessions, at), client_id, resource)

    @precondition(lambda self: self.world.given)
    @rule(which=ANY, right=st.booleans(), client_id=st.sampled_from(["app", "other"]))
    def redeem(self, which: int, right: bool, client_id: str) -> None:
        """A code is redeemed, half of the time by whoever."""
        given = pick(self.world.given, which)
        self.world.redeem(given, given.client_id if right else client_id)

    @precondition(lambda self: any(one.refresh_tokens for one in self.world.given))
    @rule(
        which=ANY,
        back=st.integers(0, 2),
        right=st.integers(0, 3),
        client_id=st.sampled_from(["app", "other"]),
    )
    def refresh(self, which: int, back: int, right: int, client_id: str) -> None:
        """A refresh token is used, mostly the last one by its owner."""
        given = pick([one for one in self.world.given if one.refresh_tokens], which)
        place = max(0, len(given.refresh_tokens) - 1 - back)
        self.world.refresh(given, place, given.client_id if right else client_id)

    @precondition(lambda self: self.world.access)
    @rule(
        which=ANY,
        scope=st.sampled_from([None, None, "archive.read", "archive.write", "ledger.read", "openid"]),
    )
    def exchange(self, which: int, scope: str | None) -> None:
        """The ledger trades some access token, mostly one that was sent to it."""
        sent = [one for one in self.world.access if "ledger" in one.readers]
        self.world.exchange(pick(self.world.access + 3 * sent, which), scope)

    @precondition(lambda self: any(one.refresh_tokens for one in self.world.given))
    @rule(which=ANY, client_id=CLIENTS)
    def revoke(self, which: int, client_id: str) -> None:
        """Somebody gives a refresh token back."""
        given = pick([one for one in self.world.given if one.refresh_tokens], which)
        self.world.revoke(given.refresh_tokens[-1], client_id, given)

    @precondition(lambda self: self.world.access)
    @rule(which=ANY)
    def revoke_access(self, which: int) -> None:
        """Whoever got an access token gives it back."""
        self.world.revoke_access(pick(self.world.access, which))

    @precondition(lambda self: self.world.sessions)
    @rule(at=ANY)
    def sign_out(self, at: int) -> None:
        """Somebody signs out."""
        self.world.sign_out(pick(self.world.sessions, at))

    @precondition(lambda self: len(self.world.access) > 4)
    @rule()
    def remove_assistant(self) -> None:
        """The doctor removes the assistant."""
        self.world.remove_assistant()

    @rule(seconds=st.sampled_from([1, 5, 9, 10, 11, 59, 60, 61, 299, 300, 301]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.world.advance(seconds)

    def teardown(self) -> None:
        """Note what was reached: a machine that exchanges nothing proves nothing."""
        self.reached["exchanged"] += self.world.exchanged
        self.reached["refreshed"] += sum(one.generation for one in self.world.given)
        self.reached["revoked"] += sum(one.revoked for one in self.world.given)

    @invariant()
    def every_token_counts_where_it_should(self) -> None:
        """Ask about each token as each service."""
        self.world.check()


def test_whatever_the_order_no_token_outlives_its_grant_or_gives_more(
    tmp_path: Path, clock: MovableClock
) -> None:
    provider = provider_with_services(tmp_path, clock)
    machine = type("AnyTokensHere", (AnyTokens,), {"provider": provider})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert min(AnyTokens.reached[what] for what in ("exchanged", "refreshed", "revoked")) > 5, (
        AnyTokens.reached
    )
    provider.parts.database.dispose()
