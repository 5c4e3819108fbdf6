"""The background work: what is over goes, what lives stays, and a store that is down is tried again."""

from __future__ import annotations

import logging
from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import func, select

from idp.storage.database import Database
from idp.storage.schema import ephemeral, token_grant
from idp.worker import clear_away, work
from tests.clock import MovableClock
from tests.provider import Provider


class Rounds(Event):
    """Lets so many rounds pass without a wait, then stops."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout
        self.left -= 1
        return self.left < 0


def kept(provider: Provider) -> tuple[int, int]:
    """How many short-lived values and grants there are."""
    with provider.parts.database.read() as connection:
        values, grants = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (ephemeral, token_grant)
        )
    return values, grants


def test_what_is_over_goes_and_what_lives_stays(provider: Provider, clock: MovableClock) -> None:
    doctor = provider.add("408461", "LEROUX Ariane")
    old = provider.redeem(provider.browser().sign_in(doctor)).get_json()["refresh_token"]
    assert clear_away(provider.parts) == 0
    over, _ = kept(provider)
    assert over
    clock.advance(seconds=provider.settings.refresh_lifetime)
    young = provider.redeem(provider.browser().sign_in(doctor)).get_json()["refresh_token"]
    values, grants = kept(provider)
    assert clear_away(provider.parts) == over + 1
    assert kept(provider) == (values - over, grants - 1)
    assert clear_away(provider.parts) == 0
    assert provider.refresh(young).status_code == 200
    assert provider.refresh(old).get_json()["error"] == "invalid_grant"


def test_a_store_that_is_down_is_told_and_tried_again(
    provider: Provider, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Database("sqlite:////nowhere/at/all/idp.sqlite")
    caplog.set_level(logging.WARNING)
    rounds = Rounds(2)
    work(replace(provider.parts, database=nowhere), rounds)
    assert rounds.left == -1
    assert [record.getMessage() for record in caplog.records] == [
        "nothing cleared away: the database cannot serve"
    ] * 2
    provider.redeem(provider.browser().sign_in(provider.add("408461", "LEROUX Ariane")))
    clock.advance(seconds=provider.settings.refresh_lifetime)
    work(provider.parts, Rounds(1))
    assert kept(provider) == (0, 0)
