"""The header Idempotency-Key: the same request again has the same answer again, for its sender alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.login.kept import Kept
from idp.profile.practice import Practice
from idp.storage.errors import StorageUnavailable
from idp.storage.keyring import Keyring
from idp.storage.schema import ephemeral
from tests.profile_api.portal import BACK, Portal, good, portal, problem
from tests.profile_api.test_assistants import audited
from tests.provider import Provider, Someone
from tests.storage.racing import race

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'


def test_the_same_request_has_the_same_answer_and_is_done_once(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone
) -> None:
    first, second = doctors.enrol(KEY, name="X"), doctors.enrol(KEY, name="X")
    assert (first.status_code, first.data) == (201, second.data)
    assert second.headers["Location"] == first.headers["Location"]
    assert doctors.enrol('"other"', name="X").data != first.data
    path = f"/assistants/{doctors.listed()[0]['id']}"
    for key in ('"a"', '"a"', '"b"'):
        good(doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, Idempotency_Key=key))
    good(doctors.ask("PATCH", path, {"valid_until": "2027-12-31"}, Idempotency_Key='"c"'))
    again = good(doctors.ask("PATCH", path, {"valid_until": "2026-12-31"}, Idempotency_Key='"a"'))
    assert again["valid_until"] == "2026-12-31"
    assert doctors.listed()[0]["valid_until"] == "2027-12-31"
    for _time in range(2):
        assert doctors.ask("DELETE", path, Idempotency_Key='"d"').status_code == 204
    assert len(audited(provider, "assistant.changed", doctor)) == 2
    assert len(audited(provider, "assistant.removed", doctor)) == 1


def test_an_answer_is_sent_again_for_a_day(provider: Provider, doctor: Someone) -> None:
    first = portal(provider, doctor).enrol(KEY).data
    provider.clock.advance(seconds=timedelta(hours=24).total_seconds() - 1)
    later = portal(provider, doctor)
    assert later.enrol(KEY).data == first
    provider.clock.advance(seconds=1)
    assert later.enrol(KEY).data != first


def test_another_request_with_the_key_is_refused(doctors: Portal, assistant: Someone) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"
    good(doctors.enrol(KEY), 201)
    others = [
        doctors.enrol(KEY, name="Another"),
        doctors.ask("PATCH", path, {"valid_until": None}, Idempotency_Key=KEY),
        doctors.ask("DELETE", path, Idempotency_Key=KEY),
    ]
    assert [problem(answer, 422) for answer in others] == ["idempotency_key_reused"] * 3
    assert len(doctors.listed()) == 1


def test_what_the_request_has_wrong_may_be_corrected_under_the_same_key(doctors: Portal) -> None:
    assert problem(doctors.enrol(KEY, return_uri="https://evil.test/"), 422) == "invalid_content"
    good(doctors.enrol(KEY), 201)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "8e03978e",
        '"',
        '""',
        '"a',
        'a"',
        '"a"b"',
        '"a", "b"',
        '"é"',
        '"a\\b"',
        '"a";p=1',
        f'"{"a" * 201}"',
        "?1",
    ],
)
def test_a_key_that_is_no_short_string_is_refused(doctors: Portal, key: str) -> None:
    assert problem(doctors.enrol(key or " "), 400) == "invalid_request"


def test_asking_for_an_address_needs_a_key(doctors: Portal) -> None:
    assert problem(doctors.ask("POST", "/enrolments", {"return_uri": BACK}), 400) == "invalid_request"


@pytest.mark.parametrize("key", ['"a b"', '"\\"quoted\\" \\\\"', f'"{"a" * 200}"'])
def test_any_other_string_is_a_key(doctors: Portal, key: str) -> None:
    assert doctors.enrol(key).data == doctors.enrol(key).data


@pytest.mark.attack(64)
def test_nobody_gets_the_answer_to_somebody_else(
    provider: Provider, doctor: Someone, doctors: Portal
) -> None:
    """Neither another practitioner at the same service, nor the same one at another service, nor without a token."""
    first = good(doctors.enrol(KEY), 201)
    other = provider.add(f"o-{doctor.identifier}", "BONNARD Luc", mfa=True)
    assert good(portal(provider, other).enrol(KEY), 201) != first
    provider.clock.advance(seconds=30)
    elsewhere = portal(provider, doctor, client_id="apart")
    back = "https://apart.test/"
    assert good(elsewhere.enrol(KEY, return_uri=back), 201) != first
    assert problem(Portal(provider, "x").enrol(KEY), 401) == "invalid_token"
    provider.disable(doctor)
    assert problem(doctors.enrol(KEY), 401) == "invalid_token"


def test_a_replay_is_judged_as_the_first_time(provider: Provider, doctor: Someone, doctors: Portal) -> None:
    good(doctors.enrol(KEY), 201)
    provider.clock.advance(seconds=299)
    given = portal(provider, doctor, scope="openid")
    assert problem(given.enrol(KEY), 403) == "insufficient_scope"


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Event, Event]]:
    """Let removing wait: gives what tells that it came there, and what lets it go on."""
    there, go_on = Event(), Event()
    remove = Practice.remove

    def waiting(*arguments: object) -> bool:
        there.set()
        assert go_on.wait(20)
        return remove(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Practice, "remove", waiting)
    try:
        yield there, go_on
    finally:
        go_on.set()


def test_while_the_first_is_being_answered_the_second_is_told_to_wait(
    doctors: Portal, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"

    def ask(number: int) -> TestResponse:
        if number:
            assert there.wait(20)
        answer = doctors.ask("DELETE", path, Idempotency_Key=KEY)
        go_on.set()
        return answer

    with held(monkeypatch) as (there, go_on):
        first, second = race(2, ask)
    assert (first.status_code, problem(second, 409)) == (204, "still_running")
    assert second.headers["Retry-After"] == "1"
    assert doctors.ask("DELETE", path, Idempotency_Key=KEY).status_code == 204


def test_of_many_at_once_one_is_done(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"
    answers = race(8, lambda _: doctors.ask("DELETE", path, Idempotency_Key=KEY).status_code)
    assert set(answers) <= {204, 409}
    assert 204 in answers
    assert len(audited(provider, "assistant.removed", doctor)) == 1


def test_an_answer_that_failed_by_us_is_not_kept(
    doctors: Portal, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"
    with monkeypatch.context() as broken:

        def gone(*_arguments: object) -> bool:
            raise StorageUnavailable("gone")

        broken.setattr(Practice, "remove", gone)
        answer = doctors.ask("DELETE", path, Idempotency_Key=KEY)
    assert problem(answer, 503) == "temporarily_unavailable"
    assert answer.headers["Retry-After"] == "5"
    assert len(doctors.listed()) == 1
    assert doctors.ask("DELETE", path, Idempotency_Key=KEY).status_code == 204
    assert doctors.listed() == []


@pytest.mark.attack(65)
def test_a_store_that_fails_after_the_act_is_not_told_as_nothing_done_and_leaves_the_key_free(
    provider: Provider,
    doctor: Someone,
    doctors: Portal,
    assistant: Someone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"
    with monkeypatch.context() as broken:

        def gone(*_arguments: object) -> None:
            raise StorageUnavailable("gone")

        broken.setattr(Kept, "put", gone)
        answer = doctors.ask("DELETE", path, Idempotency_Key=KEY)
    assert problem(answer, 503) == "temporarily_unavailable"
    assert "may have been made" in json.loads(answer.data)["title"]
    assert doctors.listed() == []
    assert doctors.ask("DELETE", path, Idempotency_Key=KEY).status_code == 204
    assert len(audited(provider, "assistant.removed", doctor)) == 1


@pytest.mark.attack(68)
def test_an_answer_whose_keyring_key_has_ended_is_told_as_lost_and_nothing_is_done_anew(
    provider: Provider, doctors: Portal
) -> None:
    good(doctors.enrol(KEY), 201)
    [present] = provider.parts.keyring.kids
    with provider.parts.database.write() as connection:
        kept = select(ephemeral).where(ephemeral.c.key.startswith("kept:answer:"))
        for row in connection.execute(kept).all():
            sealed = row.value.replace(Keyring.mark(present).encode(), Keyring.mark("ended").encode())
            connection.execute(update(ephemeral).where(ephemeral.c.key == row.key).values(value=sealed))
    assert problem(doctors.enrol(KEY), 409) == "answer_lost"
    good(doctors.enrol('"another"'), 201)


def test_a_process_that_died_leaves_the_key_free_after_a_minute(
    provider: Provider, doctor: Someone, doctors: Portal, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/assistants/{doctors.listed()[0]['id']}"

    class Died(BaseException):
        """What no handler catches."""

    def dies(*_arguments: object) -> bool:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(Practice, "remove", dies)
        with pytest.raises(Died):
            doctors.ask("DELETE", path, Idempotency_Key=KEY)
    assert problem(doctors.ask("DELETE", path, Idempotency_Key=KEY), 409) == "still_running"
    provider.clock.advance(seconds=60)
    assert doctors.ask("DELETE", path, Idempotency_Key=KEY).status_code == 204


@pytest.mark.attack(69)
def test_the_answer_is_sealed_where_it_is_kept(provider: Provider, doctors: Portal) -> None:
    uri = good(doctors.enrol(KEY, name="NAUDIN Fernand"), 201)["enrolment_uri"]
    ticket = str(uri).rpartition("/")[2]
    with provider.parts.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT key, value FROM ephemeral").all()
    stored = b"".join(row.key.encode() + row.value for row in rows)
    assert b"answer:" in stored
    for text in (ticket, "NAUDIN", json.dumps(BACK)[1:-1], KEY[1:-1]):
        assert text.encode() not in stored
