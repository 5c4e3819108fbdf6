"""A worker's jobs for so many rounds, one after the other, and what is left in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from sqlalchemy import Table, func, select

from idp.app import Parts
from idp.oidc.logout.backchannel import LANES
from idp.settings import Settings
from idp.worker import in_turn, jobs_of
from tests.clock import MovableClock
from tests.provider import Provider


class Rounds(Event):
    """Lets so many rounds pass without a wait, then stops; in each the clock goes on by what would be waited."""

    def __init__(self, number: int, clock: MovableClock) -> None:
        super().__init__()
        self.left = number
        self.clock = clock
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.pauses.append(timeout)
        self.clock.advance(seconds=timeout)
        self.left -= 1
        return self.left < 0


def work_in_turn(settings: Settings, parts: Parts, rounds: Rounds) -> None:
    """Do every job of the worker in one thread: by a clock that only ``rounds`` moves the order is known."""
    with ThreadPoolExecutor(LANES) as lanes:
        in_turn(jobs_of(settings, parts, rounds, lanes), parts.clock, rounds)


def rows(provider: Provider, table: Table) -> int:
    """How many rows there are."""
    with provider.parts.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()
