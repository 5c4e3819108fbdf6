"""The register of sessions: what is listed, what ends, and that ending never waits in a ring."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from idp.accounts import delegations, directory, grants, sessions
from idp.accounts.grants import Grant
from idp.accounts.sessions import Opened
from idp.storage.schema import account
from tests.accounts.conftest import Practice
from tests.storage.racing import overtaken, race
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


def _open(
    practice: Practice,
    sid: str,
    delegation_id: str | None = None,
    *,
    granted_for: timedelta,
    via: str | None = None,
) -> None:
    """Open a session of an hour in which a service was granted something for so long."""
    now = practice.clock.now()
    with practice.database.write() as connection:
        new = Opened(sid, practice.account_id, delegation_id, "Firefox", now, now + HOUR, via)
        sessions.opened(connection, new, goes_on=False)
        grant = Grant(
            f"grant of {sid}",
            "open",
            practice.account_id,
            delegation_id,
            sid,
            "",
            (),
            0,
            now,
            now + granted_for,
        )
        assert grants.take(connection, grant)


def _listed(practice: Practice) -> dict[str, timedelta]:
    """Return the sessions listed, with how long they last at most."""
    now = practice.clock.now()
    with practice.database.read() as connection:
        found = sessions.of_account(connection, practice.account_id, now)
    return {one.sid: one.ends_at - now for one in found}


def test_a_session_is_listed_while_browser_or_service_may_still_use_it(practice: Practice) -> None:
    _open(practice, "short", granted_for=HOUR / 2)
    _open(practice, "long", granted_for=HOUR * 2)
    assert _listed(practice) == {"short": HOUR, "long": HOUR * 2}
    practice.clock.advance(seconds=3600)
    assert _listed(practice) == {"long": HOUR}
    with practice.database.write() as connection:
        assert grants.revoke(connection, "grant of long", practice.clock.now())
    assert _listed(practice) == {}


def test_of_many_who_end_a_session_at_once_one_does(practice: Practice) -> None:
    _open(practice, "s", granted_for=HOUR)

    def end(_number: int) -> bool:
        with practice.database.write() as connection:
            return sessions.end(connection, practice.account_id, "s", practice.clock.now())

    assert race(6, end).count(True) == 1
    with practice.database.read() as connection:
        assert grants.live_party(connection, "grant of s", practice.clock.now()) is None


def _ending(practice: Practice, delegation_id: str) -> dict[str, Callable[[], object]]:
    """Return the acts that end a session of an assistant."""
    now = practice.clock.now()

    def end() -> object:
        with practice.database.write() as connection:
            return sessions.end(connection, practice.account_id, "s", now)

    def end_all() -> object:
        with practice.database.write() as connection:
            return sessions.end_all(connection, practice.account_id, now, of=delegation_id)

    def remove() -> object:
        with practice.database.write() as connection:
            return delegations.remove(connection, practice.account_id, delegation_id, practice.sub, now)

    def set_end() -> object:
        with practice.database.write() as connection:
            return delegations.set_end(connection, practice.account_id, delegation_id, now, 10, now)

    return {"end": end, "end_all": end_all, "remove": remove, "set_end": set_end}


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
@pytest.mark.parametrize("act", ["end", "end_all", "remove", "set_end"])
def test_signing_out_and_being_ended_at_the_same_moment_wait_for_each_other_in_no_ring(
    practice: Practice, act: str
) -> None:
    delegation_id = practice.assistant()
    _open(practice, "s", delegation_id, granted_for=HOUR)
    ending = _ending(practice, delegation_id)[act]

    def waits() -> bool:
        with practice.database.read() as connection:
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return bool(connection.execute(waiting).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        with practice.database.write() as connection:
            mine = select(account.c.id).where(account.c.id == practice.account_id)
            connection.execute(mine.with_for_update())
            other = pool.submit(ending)
            wait_until(waits, "the other waits")
            grants.revoke_session(connection, "s", practice.account_id, practice.clock.now())
            delegations.used(connection, delegation_id, "FSE", practice.clock.now())
        other.result(timeout=20)
    assert _listed(practice) == {}
    with practice.database.read() as connection:
        assert grants.live_party(connection, "grant of s", practice.clock.now()) is None


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
@pytest.mark.parametrize("act", ["end_all", "remove", "set_end", "disable"])
def test_two_practices_that_end_what_was_opened_from_one_at_the_other_wait_in_no_ring(
    practice: Practice, act: str
) -> None:
    with practice.database.write() as connection:
        sub = directory.add_person(connection, "PETIT Anne", practice.clock.now())
        account_id = directory.add_account(
            connection, sub, "408462", "health_professional", "$argon2id$…", practice.clock.now()
        )
    second = replace(practice, account_id=account_id, sub=sub)
    low, high = sorted((practice, second), key=lambda one: one.account_id)
    at_low, at_high = low.assistant(), high.assistant()
    _open(low, "s", at_low, granted_for=HOUR, via=at_high)
    _open(high, "t", at_high, granted_for=HOUR, via=at_low)
    now = practice.clock.now()

    def disable() -> None:
        with practice.database.write() as connection:
            directory.set_disabled(connection, high.account_id, now)

    overtaken(
        practice.database,
        low.account_id,
        {**_ending(high, at_high), "disable": disable}[act],
        lambda connection: sessions.end_all(connection, low.account_id, now, of=at_low),
    )
    assert (_listed(low), _listed(high)) == ({}, {})
    with practice.database.read() as connection:
        for grant_id in ("grant of s", "grant of t"):
            assert grants.live_party(connection, grant_id, now) is None
