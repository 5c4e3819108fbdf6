"""The background work: every job in its turn, none stopped by another's failure, what is over gone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import insert, select

from idp import clearing, worker
from idp.accounts import sessions
from idp.accounts.sessions import Opened
from idp.clearing import clear_away, forget
from idp.notices.kinds import Notice
from idp.notices.outbox import Outbox
from idp.storage.database import Database
from idp.storage.errors import StorageUnavailable
from idp.storage.schema import (
    account,
    activation_code,
    audit_event,
    backchannel_logout,
    ephemeral,
    journal_entry,
    notice,
    revoked_token,
    signed_in_session,
    single_use_link,
    token_grant,
)
from idp.worker import Job, in_turn, jobs_of
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.commands.rounds import Rounds, rows, work_in_turn
from tests.mail import mail_server
from tests.provider import Provider, Someone
from tests.servers import PostgresServer

DAY = 86_400


def test_what_is_over_goes_and_what_lives_stays(provider: Provider, clock: MovableClock) -> None:
    doctor = provider.add("408461", "LEROUX Ariane")
    old = provider.redeem(provider.browser().sign_in(doctor)).get_json()["refresh_token"]
    assert clear_away(provider.parts) == 0
    over = rows(provider, ephemeral)
    assert over
    clock.advance(seconds=provider.settings.refresh_lifetime)
    young = provider.redeem(provider.browser().sign_in(doctor)).get_json()["refresh_token"]
    values = rows(provider, ephemeral)
    assert rows(provider, token_grant) == rows(provider, signed_in_session) == 2
    clear_away(provider.parts)
    assert rows(provider, ephemeral) == values - over
    assert rows(provider, token_grant) == rows(provider, signed_in_session) == 1
    assert clear_away(provider.parts) == 0
    assert provider.refresh(young).status_code == 200
    assert provider.refresh(old).get_json()["error"] == "invalid_grant"


def test_links_and_codes_go_when_they_open_nothing_any_more(provider: Provider, clock: MovableClock) -> None:
    doctor = provider.add("408461", "LEROUX Ariane")
    now = clock.now()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        for number, minutes in enumerate((15, 16)):
            until = {"created_at": now, "expires_at": now + timedelta(minutes=minutes)}
            link = {"token": str(number), "account_id": account_id, "state": "", **until}
            connection.execute(insert(single_use_link).values(**link))
        code = {"account_id": account_id, "digest": "", "created_at": now}
        connection.execute(insert(activation_code).values(**code, expires_at=now + timedelta(days=30)))
    clock.advance(seconds=15 * 60)
    assert clear_away(provider.parts) == 1
    clock.advance(seconds=30 * DAY)
    assert clear_away(provider.parts) == 2
    assert rows(provider, single_use_link) == rows(provider, activation_code) == 0


def test_a_token_given_back_is_remembered_until_it_would_have_ended(
    provider: Provider, clock: MovableClock
) -> None:
    tokens = []
    for _ in range(2):
        given = provider.token({"grant_type": "client_credentials"}, "machine").get_json()
        tokens.append(given["access_token"])
        clock.advance(seconds=1)
    for token in tokens:
        assert provider.revoke(token, "machine").status_code == 200
    clock.advance(seconds=297)
    assert clear_away(provider.parts) == 0
    clock.advance(seconds=1)
    assert clear_away(provider.parts) == 1
    assert rows(provider, revoked_token) == 1
    assert provider.introspect(tokens[1], "machine").get_json() == {"active": False}


def fill(provider: Provider, doctor: Someone) -> None:
    """Write one line of each history, and a notice and a logout that still wait."""
    now = provider.clock.now()
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        person_id = directory_person(provider, doctor)
        entry = {"account_id": account_id, "person_id": person_id, "sid": now.isoformat(), "client_id": ""}
        connection.execute(insert(journal_entry).values(**entry, at=now, service="FSE", device=""))
        line = {"kind": "x", "account_id": account_id, "detail": {}}
        connection.execute(insert(audit_event).values(**line, at=now))
        for name, ended in (("sent", {"sent_at": now}), ("given up", {"given_up_at": now}), ("waiting", {})):
            told = {"id": f"{name} {now:%y%m%d}", "kind": "new_device", "account_id": account_id}
            told |= {"notifier": "post", "recipient": "a@example.org", "language": "fr", "content": ""}
            connection.execute(insert(notice).values(**told, created_at=now, due_at=now, **ended))
            line = {"id": told["id"], "sid": told["id"], "client_id": "open", "account_id": account_id}
            connection.execute(insert(backchannel_logout).values(**line, created_at=now, due_at=now, **ended))


def directory_person(provider: Provider, who: Someone) -> str:
    """Return the subject of an account's holder."""
    with provider.parts.database.read() as connection:
        return str(
            connection.execute(
                select(account.c.person_id).where(account.c.identifier == who.identifier)
            ).scalar_one()
        )


def test_history_is_forgotten_after_the_retention_and_not_before(
    provider: Provider, clock: MovableClock
) -> None:
    doctor = provider.add("408461", "LEROUX Ariane")
    retention = timedelta(days=provider.settings.retention_days)
    with provider.parts.database.write() as connection:
        connection.execute(audit_event.delete())
    fill(provider, doctor)
    clock.advance(seconds=DAY)
    fill(provider, doctor)
    clock.advance(seconds=(provider.settings.retention_days - 1) * DAY - 1)
    assert forget(provider.parts, retention) == 0
    clock.advance(seconds=1)
    assert forget(provider.parts, retention) == 6
    assert rows(provider, audit_event) == rows(provider, journal_entry) == 1
    with provider.parts.database.read() as connection:
        for column in (notice.c.id, backchannel_logout.c.id):
            left = connection.execute(select(column)).scalars()
            names = sorted(one.rpartition(" ")[0] for one in left)
            assert names == ["given up", "sent", "waiting", "waiting"]


def test_much_history_is_forgotten_a_piece_at_a_time(
    provider: Provider, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "PIECE", 10)
    line = {"kind": "x", "at": clock.now(), "detail": {}}
    with provider.parts.database.write() as connection:
        connection.execute(audit_event.delete())
        connection.execute(insert(audit_event), [line] * 35)
    clock.advance(seconds=400 * DAY)
    rounds = Rounds(5, clock)
    work_in_turn(provider.settings, provider.parts, rounds)
    assert rows(provider, audit_event) == 0
    assert rounds.pauses == [1, 0, 0, 0, 1, 1]


def test_each_job_has_its_turn_by_the_clock(clock: MovableClock) -> None:
    done: dict[str, list[float]] = {}
    begun = clock.now()

    def job(name: str, **every: float) -> Job:
        def run() -> int:
            done.setdefault(name, []).append((clock.now() - begun).total_seconds())
            return 0

        return Job(name, timedelta(**every), 1, run)

    jobs = (job("often", seconds=5), job("rarely", minutes=1))
    in_turn(jobs, clock, Rounds(25, clock))
    assert done == {"often": [5.0 * one for one in range(1, 26)], "rarely": [5, 65, 125]}
    done.clear()
    clock.set(begun)
    put_back = jobs[1].run

    def run() -> int:
        clock.advance(seconds=-DAY)
        return put_back()

    in_turn((replace(jobs[1], run=run),), clock, Rounds(3, clock))
    assert len(done["rarely"]) == 3


def test_a_job_that_fails_is_told_tried_again_and_stops_no_other(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    def failing(error: Exception) -> Callable[[], int]:
        def run() -> int:
            ran.append(type(error).__name__)
            raise error

        return run

    def fine() -> int:
        ran.append("fine")
        return 0

    hour = timedelta(hours=1)
    jobs = (
        Job("first", hour, 1, failing(StorageUnavailable("the database cannot serve"))),
        Job("second", hour, 1, failing(ValueError("a@example.org"))),
        Job("third", hour, 1, fine),
    )
    in_turn(jobs, clock, Rounds(13, clock))
    assert ran == ["StorageUnavailable", "ValueError", "fine", "StorageUnavailable", "ValueError"]
    assert "first: not done: the database cannot serve" in caplog.text
    assert "second: ValueError" in caplog.text
    assert "in failing" not in caplog.text
    assert "in run" in caplog.text
    assert "a@example.org" not in caplog.text


def test_a_store_that_is_down_is_told_and_tried_again(
    provider: Provider, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Database("sqlite:////nowhere/at/all/idp.sqlite")
    caplog.set_level(logging.WARNING)
    work_in_turn(provider.settings, replace(provider.parts, database=nowhere), Rounds(6, clock))
    told = [record.getMessage() for record in caplog.records]
    assert told.count("notices: not done: the database cannot serve") == 2
    assert told.count("logouts: not done: the database cannot serve") == 2
    assert told.count("clearing away: not done: the database cannot serve") == 1
    provider.redeem(provider.browser().sign_in(provider.add("408461", "LEROUX Ariane")))
    clock.advance(seconds=provider.settings.refresh_lifetime)
    work_in_turn(provider.settings, provider.parts, Rounds(1, clock))
    assert rows(provider, token_grant) == 0


def test_a_notice_leaves_within_seconds_by_the_mail_server_of_the_settings(
    tmp_path: Path, clock: MovableClock
) -> None:
    folder = tmp_path / "idp"
    folder.mkdir()
    with mail_server(server_context(tmp_path)) as mailbox:
        smtp: dict[str, Any] = {"host": "localhost", "port": mailbox.port, "sender": "noreply@idp.test"}
        smtp["ca_file"] = str(certificate(tmp_path))
        provider = Provider(folder, clock, smtp=smtp, plugins={"notifiers": ["smtp"]})
        doctor = provider.add("408461", "LEROUX Ariane", attributes={"email": "ariane@example.org"})
        outbox = Outbox(provider.parts.keyring, provider.parts.plugins.notifiers)
        with provider.parts.database.write() as connection:
            account_id = provider.account_id(connection, doctor)
            assert outbox.tell(connection, Notice.PASSWORD_CHANGED, account_id, clock.now()) == 1
        work_in_turn(provider.settings, provider.parts, Rounds(1, clock))
        provider.parts.database.dispose()
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Votre mot de passe a été modifié"
    assert mailbox.recipients == ["ariane@example.org"]


def test_every_job_is_named_and_bounded(provider: Provider) -> None:
    with ThreadPoolExecutor() as lanes:
        jobs = jobs_of(provider.settings, provider.parts, Event(), lanes)
    assert len({job.name for job in jobs}) == len(jobs)
    assert all(job.every >= timedelta(seconds=worker.LOGOUT_SECONDS) and job.piece > 0 for job in jobs)
    assert all(job.run() == 0 for job in jobs)


def test_a_session_that_may_still_be_open_stays(provider: Provider, clock: MovableClock) -> None:
    doctor = provider.add("408461", "LEROUX Ariane")
    with provider.parts.database.write() as connection:
        account_id = provider.account_id(connection, doctor)
        for number, hours in enumerate((1, 2)):
            ends = clock.now() + timedelta(hours=hours)
            sessions.opened(
                connection, Opened(str(number), account_id, None, "", clock.now(), ends), goes_on=False
            )
    clock.advance(seconds=3_600)
    assert clear_away(provider.parts) == 1
    assert rows(provider, signed_in_session) == 1


@pytest.mark.server
def test_every_job_works_on_postgresql(
    postgres_server: PostgresServer, tmp_path: Path, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Provider(tmp_path, clock, postgres_server.fresh_database())
    doctor = provider.add("408461", "LEROUX Ariane", mfa=True)
    provider.redeem(provider.browser().sign_in(doctor))
    fill(provider, doctor)
    clock.advance(seconds=400 * DAY)
    work_in_turn(provider.settings, provider.parts, Rounds(1, clock))
    provider.parts.database.dispose()
    for table in (ephemeral, token_grant, signed_in_session, journal_entry):
        assert rows(provider, table) == 0
    assert [line["kind"] for line in provider.audited("notice.given_up")] == ["notice.given_up"]
    assert (rows(provider, audit_event), rows(provider, notice)) == (1, 0)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    provider.parts.database.dispose()
