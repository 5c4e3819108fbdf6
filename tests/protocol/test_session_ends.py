"""Every way a single sign-on session ends for good has the services told that it reached, and no other session's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Connection, select

from idp.accounts import (
    assistant_factors,
    delegations,
    directory,
    grants,
    passwords,
    phones,
    sessions,
)
from idp.accounts.erasure import erase
from idp.accounts.party import party
from idp.accounts.privacy import find_assistant, find_holder
from idp.clearing import end_over
from idp.storage.keyring import Keyring
from idp.storage.schema import backchannel_logout, delegation, ended_session
from tests.clock import MovableClock
from tests.protocol.answers import tokens
from tests.protocol.receiving import outbox
from tests.provider import Provider, Someone, Visit

LAST_DAY = date(2026, 1, 20)
MIDNIGHT = datetime(2026, 1, 20, 23, 0, tzinfo=UTC)
"""The end of that day in Monaco."""

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass
class Scene:
    """A practitioner with two sessions, an assistant with one, and somebody else with one: each at one service."""

    provider: Provider
    doctor: Someone
    assistant: Someone
    visits: dict[str, Visit]
    given: dict[str, dict[str, Any]]

    def sid(self, whose: str) -> str:
        return str(self.provider.claims(self.given[whose]["id_token"])["sid"])

    @property
    def account_id(self) -> str:
        with self.provider.parts.database.read() as connection:
            return self.provider.account_id(connection, self.doctor)

    @property
    def delegation_id(self) -> str:
        with self.provider.parts.database.read() as connection:
            mine = delegation.c.account_id == self.account_id
            return str(connection.execute(select(delegation.c.id).where(mine)).scalar_one())

    @property
    def keyring(self) -> Keyring:
        return self.provider.parts.keyring

    def write(self, act: Callable[[Connection], object]) -> None:
        with self.provider.parts.database.write() as connection:
            act(connection)


@pytest.fixture
def scene(tmp_path: Path, clock: MovableClock) -> Iterator[Scene]:
    provider = Provider(tmp_path, clock)
    doctor = provider.add("408461", "Claire Moretti", mfa=True)
    people = {"here": doctor, "elsewhere": doctor}
    people["assistant"] = provider.add_assistant(doctor, "NAUDIN Fernand", last=LAST_DAY)
    people["stranger"] = provider.add("608349", "NOMOCUMO Hyveme")
    visits, given = {}, {}
    for whose, who in people.items():
        visits[whose] = provider.browser()
        given[whose] = tokens(provider, who, visit=visits[whose])
        clock.advance(seconds=30)
    yield Scene(provider, doctor, people["assistant"], visits, given)
    provider.parts.database.dispose()


def _signed_out(scene: Scene) -> None:
    scene.visits["here"].get("/logout")
    scene.visits["here"].submit()


def _by_a_hint(scene: Scene) -> None:
    scene.visits["here"].get(f"/logout?{urlencode({'id_token_hint': scene.given['here']['id_token']})}")


def _by_a_hint_without_the_cookie(scene: Scene) -> None:
    hint = {"id_token_hint": scene.given["here"]["id_token"]}
    scene.provider.browser().get(f"/logout?{urlencode(hint)}")


def _somebody_else(scene: Scene) -> None:
    visit = scene.visits["here"]
    visit.authorize(prompt="login")
    visit.identify(scene.provider.add("508461", "Somebody Else"))


def _user_changed(scene: Scene) -> None:
    scene.visits["here"].get("/")
    scene.visits["here"].post("/switch", {})


def _within(act: Callable[[Scene, Connection, datetime], object]) -> Callable[[Scene], None]:
    """Return what does ``act`` in a transaction of its own, now."""
    return lambda scene: scene.write(lambda connection: act(scene, connection, scene.provider.clock.now()))


def _password_put_in_force(scene: Scene, connection: Connection, now: datetime) -> None:
    holder = party(connection, scene.account_id, None, now)
    assert holder is not None
    passwords.put_in_force(connection, holder.account, "$argon2id$x", now)


def _disabled(scene: Scene) -> None:
    scene.provider.disable(scene.doctor)


def _removed(scene: Scene) -> None:
    scene.provider.remove_assistant(scene.doctor, scene.assistant.name)


def _time_over(scene: Scene) -> None:
    scene.provider.clock.set(MIDNIGHT)
    assert end_over(scene.provider.parts) == 1
    assert end_over(scene.provider.parts) == 0


def _erased(scene: Scene, connection: Connection, now: datetime) -> None:
    who = find_holder(connection, scene.doctor.identifier)
    assert who is not None
    erase(connection, scene.provider.parts.keyring, who, "asked for", now)


def _assistant_erased(scene: Scene, connection: Connection, now: datetime) -> None:
    who = find_assistant(connection, connection.execute(select(delegation.c.person_id)).scalar_one())
    assert who is not None
    erase(connection, scene.provider.parts.keyring, who, "asked for", now)


ENDS: Mapping[str, tuple[Callable[[Scene], None], set[str]]] = {
    "signed out": (_signed_out, {"here"}),
    "by a service, with a hint": (_by_a_hint, {"here"}),
    "by a hint, without the browser's cookie": (_by_a_hint_without_the_cookie, {"here"}),
    "somebody else signs in": (_somebody_else, {"here"}),
    "user changed": (_user_changed, {"here"}),
    "ended on the page of sessions": (
        _within(lambda s, c, now: sessions.end(c, s.account_id, s.sid("here"), now)),
        {"here"},
    ),
    "ended with all others": (
        _within(
            lambda s, c, now: sessions.end_all(c, s.account_id, now, of="everybody", but=s.sid("elsewhere"))
        ),
        {"here", "assistant"},
    ),
    "a new password": (_within(_password_put_in_force), {"here", "elsewhere", "assistant"}),
    "the phone reset": (_within(lambda s, c, now: phones.reset(c, s.account_id, now)), {"here", "elsewhere"}),
    "the phone replaced": (
        _within(lambda s, c, now: phones.replace(c, s.keyring, s.account_id, SECRET, 1, now)),
        {"here", "elsewhere"},
    ),
    "the account disabled": (_disabled, {"here", "elsewhere", "assistant"}),
    "the account erased": (_within(_erased), {"here", "elsewhere", "assistant"}),
    "the assistant removed": (_removed, {"assistant"}),
    "the assistant's time cut short": (
        _within(lambda s, c, now: delegations.set_end(c, s.account_id, s.delegation_id, now, 10, now)),
        {"assistant"},
    ),
    "the assistant's time over": (_time_over, {"assistant"}),
    "the assistant's phone replaced": (
        _within(
            lambda s, c, now: assistant_factors.replace_phone(
                c, s.keyring, s.account_id, s.delegation_id, SECRET, 1, now
            )
        ),
        {"assistant"},
    ),
    "the assistant's own password": (
        _within(
            lambda s, c, now: assistant_factors.rekey(
                c, s.keyring, s.account_id, s.delegation_id, "$x", SECRET, 1, now
            )
        ),
        {"assistant"},
    ),
    "the assistant erased": (_within(_assistant_erased), {"assistant"}),
}


@pytest.mark.attack(31)
@pytest.mark.parametrize("how", ENDS)
def test_the_services_of_the_sessions_that_end_are_told_and_no_other(scene: Scene, how: str) -> None:
    end, whose = ENDS[how]
    sids = {name: scene.sid(name) for name in scene.given}
    assert outbox(scene.provider) == []
    end(scene)
    told = {(line["sid"], line["client_id"]) for line in outbox(scene.provider)}
    assert told == {(sids[name], "open") for name in whose}
    with scene.provider.parts.database.read() as connection:
        over = set(connection.execute(select(ended_session.c.sid)).scalars())
    assert over == {sids[name] for name in whose}
    for name, given in scene.given.items():
        if name in whose:
            assert scene.provider.userinfo(given["access_token"]).status_code == 401
            assert scene.provider.refresh(given["refresh_token"]).status_code == 400
        else:
            assert scene.provider.refresh(given["refresh_token"]).status_code == 200


def test_an_end_and_its_lines_are_kept_or_lost_together(scene: Scene) -> None:
    class Lost(Exception):
        pass

    def act(connection: Connection) -> None:
        now = scene.provider.clock.now()
        grants.revoke_session(connection, scene.sid("here"), scene.account_id, now)
        assert connection.execute(select(backchannel_logout.c.sid)).scalars().all() == [scene.sid("here")]
        raise Lost

    with pytest.raises(Lost):
        scene.write(act)
    assert outbox(scene.provider) == []
    assert scene.provider.refresh(scene.given["here"]["refresh_token"]).status_code == 200


def test_ended_twice_is_told_once(scene: Scene) -> None:
    sid = scene.sid("here")
    for _ in range(2):
        _within(lambda s, c, now: grants.revoke_session(c, sid, s.account_id, now))(scene)
        scene.provider.clock.advance(seconds=1)
    assert len(outbox(scene.provider)) == 1


def test_more_time_given_in_the_last_moment_ends_nothing(scene: Scene) -> None:
    ended: list[int] = []
    scene.provider.clock.set(MIDNIGHT - timedelta(seconds=1))
    assert end_over(scene.provider.parts) == 0
    _within(lambda s, c, now: delegations.set_end(c, s.account_id, s.delegation_id, None, 10, now))(scene)
    scene.provider.clock.set(MIDNIGHT)
    assert end_over(scene.provider.parts) == 0
    _within(lambda s, c, now: ended.append(sessions.end_over(c, s.account_id, s.delegation_id, now)))(scene)
    assert ended == [0]
    assert outbox(scene.provider) == []


def test_the_end_of_somebodys_time_is_audited(scene: Scene) -> None:
    delegation_id = scene.delegation_id
    _time_over(scene)
    (line,) = scene.provider.audited("session.ended")
    assert line["account_id"] == scene.account_id
    assert line["detail"] == {"of": delegation_id, "sessions": 1, "why": "the delegation is over"}


def test_a_disabled_account_that_comes_back_has_another_session(scene: Scene) -> None:
    """Or its services, told that the old one ended, would not be told of the next end under the same name."""
    sid = scene.sid("here")
    scene.provider.disable(scene.doctor)
    scene.write(lambda connection: directory.set_disabled(connection, scene.account_id, None))
    scene.provider.clock.advance(seconds=30)
    again = tokens(scene.provider, scene.doctor, visit=scene.visits["here"])
    assert scene.provider.claims(again["id_token"])["sid"] != sid
