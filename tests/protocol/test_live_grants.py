"""What is known of a token's grant: fresh without a statement; over at once if ended here, else within the lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, event

from idp.accounts import directory, grants
from idp.accounts.party import Party
from idp.oidc import live_grants
from idp.oidc.live_grants import LiveGrants
from idp.storage.database import Database
from tests.clock import MovableClock
from tests.protocol.answers import body, grant_behind, tokens
from tests.provider import MFA_DATE, Provider, Someone

Ask = Callable[[str], bool]


@pytest.fixture
def looked(provider: Provider) -> Iterator[list[str]]:
    """Give the statements that read a grant with its party."""
    seen: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT") and "token_grant" in statement:
            seen.append(statement)

    event.listen(provider.parts.database.engine, "before_cursor_execute", executed)
    yield seen
    event.remove(provider.parts.database.engine, "before_cursor_execute", executed)


@pytest.fixture
def elsewhere(provider: Provider) -> Iterator[Database]:
    """Give the same database as another process has it."""
    other = Database(provider.settings.database_url)
    yield other
    other.dispose()


@pytest.fixture(params=["userinfo", "introspection"])
def ask(request: pytest.FixtureRequest, provider: Provider) -> Ask:
    """Give both ways that one knows what the other found: each returns whether the token counts."""
    if request.param == "userinfo":
        return lambda token: provider.userinfo(token).status_code == 200
    return lambda token: bool(body(provider.introspect(token))["active"])


def test_while_it_is_fresh_it_is_known_without_a_statement(
    provider: Provider, doctor: Someone, looked: list[str]
) -> None:
    token = tokens(provider, doctor)["access_token"]
    looked.clear()
    for seconds, statements in ((0, 1), (0, 1), (1, 1), (0.9, 1), (0.1, 2), (0, 2)):
        provider.clock.advance(seconds=seconds)
        assert provider.userinfo(token).status_code == 200
        assert body(provider.introspect(token))["active"] is True
        assert len(looked) == statements


@pytest.mark.attack(31)
def test_what_this_process_ends_is_over_at_once(
    provider: Provider, doctor: Someone, secured: Someone, ask: Ask
) -> None:
    visit = provider.browser()
    signed_out = tokens(provider, doctor, visit=visit)["access_token"]
    assistant = provider.add_assistant(secured, "NAUDIN Fernand")
    removed, disabled = (tokens(provider, who)["access_token"] for who in (assistant, secured))
    assert all(map(ask, (signed_out, removed, disabled)))
    visit.get("/logout")
    visit.submit()
    assert [ask(token) for token in (signed_out, removed, disabled)] == [False, True, True]
    provider.remove_assistant(secured, assistant.name)
    assert [ask(token) for token in (removed, disabled)] == [False, True]
    provider.disable(secured)
    assert not ask(disabled)


@pytest.mark.attack(31)
def test_what_another_process_ends_is_over_within_the_lag(
    provider: Provider, doctor: Someone, elsewhere: Database, ask: Ask
) -> None:
    token = tokens(provider, doctor)["access_token"]
    assert ask(token)
    with elsewhere.write() as connection:
        directory.set_disabled(connection, provider.account_id(connection, doctor), provider.clock.now())
    provider.clock.advance(seconds=provider.settings.revocation_lag)
    assert not ask(token)


@pytest.mark.attack(51)
def test_a_delegation_that_ends_meanwhile_ends_to_the_second(
    provider: Provider, secured: Someone, ask: Ask
) -> None:
    last_second = datetime(2026, 1, 20, 22, 59, 59, tzinfo=UTC)
    provider.clock.set(last_second)
    assistant = provider.add_assistant(secured, "NAUDIN Fernand", last=date(2026, 1, 20))
    token = tokens(provider, assistant)["access_token"]
    assert ask(token)
    provider.clock.advance(seconds=1)
    assert not ask(token)


@pytest.mark.attack(76)
def test_the_rule_of_entry_is_asked_each_time(provider: Provider, doctor: Someone) -> None:
    midnight = datetime(MFA_DATE.year, MFA_DATE.month, MFA_DATE.day, tzinfo=UTC)
    provider.clock.set(midnight)
    provider.clock.advance(seconds=-3601)
    token = tokens(provider, doctor, "portal")["access_token"]
    assert provider.userinfo(token).status_code == 200
    provider.clock.advance(seconds=1)
    assert provider.userinfo(token).status_code == 401


def test_refreshes_and_sign_ins_of_others_leave_it_known(
    provider: Provider, doctor: Someone, insured: Someone, looked: list[str]
) -> None:
    given, other = tokens(provider, doctor), tokens(provider, insured)
    provider.userinfo(given["access_token"])
    looked.clear()
    body(provider.refresh(other["refresh_token"]))
    body(provider.refresh(given["refresh_token"]))
    assert provider.userinfo(given["access_token"]).status_code == 200
    assert looked == []


def test_a_clock_that_goes_back_makes_nothing_fresh(
    provider: Provider, doctor: Someone, looked: list[str]
) -> None:
    token = tokens(provider, doctor)["access_token"]
    provider.userinfo(token)
    provider.clock.advance(seconds=-30)
    looked.clear()
    provider.userinfo(token)
    assert len(looked) == 1


@pytest.mark.attack(31)
def test_what_ends_between_the_look_and_the_keeping_is_not_kept(
    provider: Provider, doctor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens(provider, doctor)["access_token"]
    grant_id = grant_behind(provider, token)
    live = LiveGrants(provider.parts.database, provider.clock, timedelta(seconds=2))

    def ended_meanwhile(
        connection: Connection, grant_id: str, now: datetime
    ) -> tuple[grants.Grant, Party] | None:
        found = grants.live_party(connection, grant_id, now)
        ending = Thread(target=_revoke, args=(provider, grant_id))
        ending.start()
        ending.join()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(live_grants, "live_party", ended_meanwhile)
        assert live.of(grant_id) is not None
    assert live.of(grant_id) is None


def test_nothing_is_known_of_a_grant_that_is_over(provider: Provider, doctor: Someone) -> None:
    grant_id = grant_behind(provider, tokens(provider, doctor)["access_token"])
    live, never_looked = (
        LiveGrants(provider.parts.database, provider.clock, timedelta(seconds=2)) for _ in range(2)
    )
    provider.clock.advance(seconds=provider.settings.refresh_lifetime - 1)
    assert live.of(grant_id) is not None
    provider.clock.advance(seconds=1)
    assert live.of(grant_id) is None
    assert never_looked.of(grant_id) is None


def test_only_so_many_are_known_at_a_time(
    provider: Provider, doctor: Someone, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_grants, "_MOST", 2)
    several = [tokens(provider, doctor)["access_token"] for _ in range(3)]
    for token in several:
        provider.userinfo(token)
    looked.clear()
    for token in (several[2], several[0], several[2]):
        assert provider.userinfo(token).status_code == 200
    assert len(looked) == 1


def test_without_a_lag_every_request_looks(tmp_path: Path, clock: MovableClock) -> None:
    eager = Provider(tmp_path, clock, revocation_lag=0)
    token = tokens(eager, eager.add("408461", "Claire Moretti"))["access_token"]
    other = Database(eager.settings.database_url)
    assert eager.userinfo(token).status_code == 200
    with other.write() as connection:
        account_id = connection.exec_driver_sql("SELECT id FROM account").scalar_one()
        directory.set_disabled(connection, account_id, clock.now())
    assert eager.userinfo(token).status_code == 401
    for database in (other, eager.parts.database):
        database.dispose()


def _revoke(provider: Provider, grant_id: str) -> None:
    with provider.parts.database.write() as connection:
        assert grants.revoke(connection, grant_id, provider.clock.now())
