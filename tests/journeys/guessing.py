"""Wrong codes and passwords, entered as soon as they are judged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from idp.accounts import failures
from idp.accounts.failures import Counted
from idp.storage.schema import failure
from tests.provider import Provider, Someone, Visit

WRONG_PASSWORD = "13572468"


def at_code(visit: Visit, who: Someone) -> Visit:
    """Go to the code page with the right password."""
    visit.authorize()
    visit.identify(who)
    return visit


def wrong_code(provider: Provider, *people: Someone) -> str:
    """Return a code that none of these phones shows about now."""
    shown = {one.code(provider.clock, steps=steps) for one in people for steps in (-2, -1, 0, 1, 2)}
    return next(code for number in range(100) if (code := f"{number:06d}") not in shown)


def hammer(visit: Visit, who: Someone, *people: Someone) -> int:
    """Guess at the account's codes as fast as it is allowed, until it is not; return how many were judged."""
    judged = 0
    while True:
        at_code(visit, who)
        if visit.page.status != 403:
            visit.submit(code=wrong_code(visit.provider, who, *people))
        if visit.page.status == 403:
            return judged
        if visit.page.status == 429:
            assert visit.response is not None
            visit.provider.clock.advance(seconds=int(visit.response.headers["Retry-After"]))
        else:
            assert visit.page.status == 422
            judged += 1


def spend(provider: Provider, who: Someone, guesses: int, *, known: bool) -> None:
    """Count so many wrong codes at the account, each as soon as it is allowed."""
    wait_until = provider.clock.now()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, who)
        for _ in range(guesses):
            provider.clock.set(max(wait_until, provider.clock.now()))
            counted = failures.begin(connection, "code", account_id, provider.clock.now(), known=known)
            assert isinstance(counted, Counted)
            wait_until = counted.wait_until


@dataclass(frozen=True)
class Counters:
    """What the counters of an account's codes hold."""

    count: int
    spent: int
    forgiven: int


def code_counters(provider: Provider, who: Someone, *, known: bool) -> Counters:
    """Return what is counted of wrong codes at the account, on known devices or on new ones."""
    with provider.parts.database.read() as connection:
        key = failures.counter("code", provider.account_id(connection, who), known=known)
        found = connection.execute(
            select(failure.c.count, failure.c.spent, failure.c.forgiven).where(failure.c.key == key)
        ).one_or_none()
    return Counters(0, 0, 0) if found is None else Counters(*found)
