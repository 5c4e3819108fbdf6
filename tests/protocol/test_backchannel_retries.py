"""Back-Channel Logout 1.0 §2.5, §2.8: a service that fails is told again, or given up, and holds up no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from ssl import create_default_context
from threading import Event

import pytest

from idp.oidc.keys.rotation import SHORTEST_LEAD, rotate_keys
from idp.oidc.keys.signing import new_key
from idp.oidc.logout.backchannel import KEPT_TRYING, LEASE
from idp.outbound import Outbound, Patience
from tests.clock import MovableClock
from tests.protocol.receiving import (
    INSIDE,
    Receiver,
    job,
    line_of,
    listening,
    outbox,
    receiving,
    signed_out,
    tell,
)
from tests.provider import Provider, Someone
from tests.waiting import wait_until


@pytest.fixture
def provider(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give a provider that may call services on this machine."""
    whole = Provider(tmp_path, clock, outbound=INSIDE)
    yield whole
    whole.parts.database.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a service that listens."""
    with receiving() as listener:
        yield listener


def test_a_service_that_refuses_the_token_twice_is_not_asked_again(
    provider: Provider, doctor: Someone, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    listening(provider, {"open": receiver.address})
    receiver.status = 400
    told = signed_out(provider, doctor, "open")
    tell(provider)
    provider.clock.advance(seconds=SHORTEST_LEAD.total_seconds() - 1)
    assert tell(provider) == 0
    assert provider.audited("logout.given_up") == []
    provider.clock.advance(seconds=1)
    assert tell(provider) == 1
    provider.clock.advance(seconds=86_400)
    assert tell(provider) == 0
    assert line_of(provider)["given_up_at"] is not None
    (audited,) = provider.audited("logout.given_up")
    assert (audited["client_id"], audited["detail"]) == (
        "open",
        {"sid": told["sid"], "attempts": 2, "why": "refused"},
    )
    assert "logout at open: given up, refused" in caplog.text


@pytest.mark.parametrize("before", [0, 1])
def test_a_service_that_did_not_know_the_new_key_yet_is_told_once_it_can(
    provider: Provider, doctor: Someone, receiver: Receiver, before: int
) -> None:
    listening(provider, {"open": receiver.address})
    signed_out(provider, doctor, "open")
    parts, now = provider.parts, provider.clock.now()
    with parts.database.write() as connection:
        rotate_keys(connection, parts.keyring, [new_key("RS256")], now, "lost", now)
    receiver.status = 503
    for _ in range(before):
        tell(provider)
        provider.clock.advance(seconds=5)
    receiver.status = 400
    tell(provider)
    receiver.status = 200
    provider.clock.advance(seconds=SHORTEST_LEAD.total_seconds())
    tell(provider)
    assert line_of(provider)["sent_at"] == provider.clock.now()


@pytest.mark.parametrize("how", ["an error", "a redirect", "nobody listens"])
def test_a_service_that_fails_is_tried_again_under_the_same_name(
    provider: Provider, doctor: Someone, receiver: Receiver, how: str
) -> None:
    elsewhere = "http://127.0.0.1:9/backchannel_logout"
    listening(provider, {"open": elsewhere if how == "nobody listens" else receiver.address})
    receiver.status = 307 if how == "a redirect" else 503
    receiver.headers = {"Location": receiver.address.replace("backchannel_logout", "elsewhere")}
    signed_out(provider, doctor, "open")
    tell(provider)
    assert len(receiver.tokens) == (how != "nobody listens")
    provider.clock.advance(seconds=4)
    assert tell(provider) == 0
    provider.clock.advance(seconds=1)
    receiver.status = 200
    listening(provider, {"open": receiver.address})
    assert tell(provider) == 1
    ids = {provider.claims(token)["jti"] for token in receiver.tokens}
    assert ids == {line_of(provider)["id"]}
    assert (line_of(provider)["attempts"], line_of(provider)["sent_at"]) == (1, provider.clock.now())


def test_a_service_that_stays_away_is_given_up_after_a_day(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": receiver.address})
    receiver.status = 500
    signed_out(provider, doctor, "open")
    begun, attempts = provider.clock.now(), []
    while line_of(provider)["given_up_at"] is None:
        attempts.append((provider.clock.now() - begun).total_seconds())
        assert tell(provider) == 1
        provider.clock.set(line_of(provider)["due_at"])
    assert attempts[:7] == [0, 5, 35, 215, 1295, 7775, 7775 + 14_400]
    assert attempts[-1] < KEPT_TRYING.total_seconds() <= attempts[-1] + 14_400
    assert [line["detail"]["why"] for line in provider.audited("logout.given_up")] == ["status 500"]


def test_a_slow_service_holds_up_no_other_and_not_the_worker(provider: Provider, doctor: Someone) -> None:
    answer = Event()
    patient = Outbound([ip_network("127.0.0.0/8")], create_default_context(), patience=Patience(60, 60))
    with receiving() as slow, receiving() as quick:
        slow.before = lambda: answer.wait(60)
        listening(provider, {"open": slow.address, "public": quick.address})
        with ThreadPoolExecutor(2) as lanes:
            telling = job(provider, lanes, patient)
            for number in range(3):
                signed_out(provider, doctor, "open", "public")

                def told(wanted: int = number + 1) -> bool:
                    telling.run()
                    return len(quick.tokens) == wanted

                wait_until(told, "the other service waits")
            assert len(slow.tokens) == 1
            answer.set()
        assert tell(provider) == 2
        assert len(slow.tokens) == 3


def test_a_service_that_is_not_there_is_left_alone_for_a_minute_but_for_what_is_new(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    listening(provider, {"open": "http://127.0.0.1:9/backchannel_logout"})
    for _ in range(3):
        signed_out(provider, doctor, "open")
    assert tell(provider) == 3
    assert sorted(line["attempts"] for line in outbox(provider)) == [0, 0, 1]
    listening(provider, {"open": receiver.address})
    provider.clock.advance(seconds=4)
    assert tell(provider) == 0
    signed_out(provider, doctor, "open")
    assert tell(provider) == 1
    provider.clock.advance(seconds=56)
    tell(provider)
    assert len(receiver.tokens) == 4


def test_what_a_worker_that_died_had_taken_is_taken_up_by_another_after_a_minute(
    provider: Provider, doctor: Someone, receiver: Receiver
) -> None:
    class Dying(Outbound):
        def post_form(self, url: str, form: Mapping[str, str]) -> int:
            super().post_form(url, form)
            raise SystemExit

    listening(provider, {"open": receiver.address})
    signed_out(provider, doctor, "open")
    assert tell(provider, Dying([ip_network("127.0.0.0/8")], create_default_context())) == 1
    provider.clock.advance(seconds=LEASE.total_seconds() - 1)
    assert tell(provider) == 0
    provider.clock.advance(seconds=1)
    assert tell(provider) == 1
    first, second = (provider.claims(token)["jti"] for token in receiver.tokens)
    assert first == second == line_of(provider)["id"]
    assert line_of(provider)["sent_at"] == provider.clock.now()
