"""`jwks_uri` (RFC 7591 §2, Core §10.1.1): fetched, kept, fetched again; a slow partner stops nobody else."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.oidc.client_authentication.client_keys import AGAIN, FRESH, KEPT, ClientKeys, KeysUnavailable
from idp.outbound import Outbound, Patience
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.partners import HOST, Names, Partner, running
from tests.waiting import wait_until


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with running(server_context(tmp_path, HOST)) as made:
        yield made


@pytest.fixture
def outbound(tmp_path: Path) -> Outbound:
    trusted = ssl.create_default_context(cafile=str(certificate(tmp_path, HOST)))
    return Outbound([ip_network("127.0.0.0/8")], trusted, Names(["127.0.0.1"]), Patience(step=20, total=20))


def published(partner: Partner, *kids: str, **members: object) -> None:
    """Let the partner publish a fresh key under each ``kid``."""
    keys = [
        {**ECKey.generate_key("P-256").as_dict(private=False), "kid": kid, "use": "sig", **members}
        for kid in kids
    ]
    partner.body = json.dumps({"keys": keys}).encode()


def client_at(address: str, client_id: str = "remote") -> Client:
    settings: dict[str, Any] = {
        "client_id": client_id,
        "name": client_id,
        "redirect_uris": ["https://rp.test/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": address,
        "scope": ["openid"],
        "profiles": ["insured"],
    }
    return Client.model_validate(settings)


class Known:
    """The keys of one client, and others beside it."""

    def __init__(self, outbound: Outbound, clock: MovableClock, *clients: Client, threads: int = 8) -> None:
        self.clients = clients
        self.keys = ClientKeys(ClientRegistry(clients), outbound, clock, threads)

    def kids(self, kid: str | None, client: int = 0) -> list[str | None]:
        return [one.kid for one in self.keys.of(self.clients[client], kid)]


@pytest.fixture
def known(partner: Partner, outbound: Outbound, clock: MovableClock) -> Known:
    published(partner, "first")
    return Known(outbound, clock, client_at(partner.url))


def test_a_set_is_fetched_once_and_counts_for_five_minutes(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    for _ in range(3):
        assert known.kids("first") == ["first"]
    clock.advance(seconds=FRESH.total_seconds() - 1)
    assert known.kids("first") == ["first"]
    assert len(partner.requests) == 1
    published(partner, "second")
    clock.advance(seconds=1)
    assert known.kids("first") == ["second"]
    assert len(partner.requests) == 2


def test_a_new_key_is_found_at_its_first_use(known: Known, partner: Partner, clock: MovableClock) -> None:
    known.kids("first")
    clock.advance(seconds=AGAIN.total_seconds())
    published(partner, "first", "second")
    assert known.kids("second") == ["first", "second"]


def test_unknown_keys_are_looked_for_every_ten_seconds_at_most(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    known.kids("first")
    for number in range(30):
        assert known.kids(f"forged-{number}") == ["first"]
    assert len(partner.requests) == 1
    clock.advance(seconds=AGAIN.total_seconds())
    for number in range(30):
        known.kids(f"forged-{number}")
    assert len(partner.requests) == 2


def test_the_last_set_counts_for_a_day_while_it_cannot_be_fetched(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    known.kids("first")
    partner.status = 500
    clock.advance(seconds=KEPT.total_seconds() - 1)
    assert known.kids("first") == ["first"]
    clock.advance(seconds=1)
    with pytest.raises(KeysUnavailable):
        known.kids("first")
    assert len(partner.requests) == 2
    partner.status = 200
    clock.advance(seconds=AGAIN.total_seconds())
    assert known.kids("first") == ["first"]


def test_a_key_that_the_last_set_lacks_is_not_refused_while_it_cannot_be_fetched(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    known.kids("first")
    clock.advance(seconds=AGAIN.total_seconds())
    published(partner, "second")
    partner.status = 500
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            known.kids("second")
        assert known.kids("first") == ["first"]
    assert len(partner.requests) == 2
    partner.status = 200
    clock.advance(seconds=AGAIN.total_seconds())
    assert known.kids("second") == ["second"]
    assert known.kids("forged") == ["second"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"keys": {}}', b"{" * 5_000, b"[" * 60_000, b"\xff", b"<html>", b" " * 70_000],
    ids=["nothing", "list", "no_keys", "mapping", "broken", "deep", "no_utf8", "page", "oversize"],
)
def test_an_answer_that_is_no_key_set_changes_nothing(
    body: bytes, known: Known, partner: Partner, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    known.kids("first")
    partner.body = body
    clock.advance(seconds=FRESH.total_seconds())
    assert known.kids("first") == ["first"]
    assert len(partner.requests) == 2
    (warning,) = caplog.records
    assert len(warning.getMessage()) < 600


def test_an_empty_set_withdraws_every_key(known: Known, partner: Partner, clock: MovableClock) -> None:
    known.kids("first")
    partner.body = b'{"keys": []}'
    clock.advance(seconds=FRESH.total_seconds())
    assert known.kids("first") == []


def test_keys_that_do_not_verify_assertions_are_left_out(known: Known, partner: Partner) -> None:
    good = ECKey.generate_key("P-256").as_dict(private=False)
    private = ECKey.generate_key("P-256").as_dict(private=True)
    others: Sequence[object] = [
        {**good, "kid": "encrypting", "use": "enc"},
        {**good, "kid": "other-alg", "alg": "ES384"},
        {**good, "kid": "off-curve", "x": good["y"]},
        {**ECKey.generate_key("P-384").as_dict(private=False), "kid": "other-curve"},
        {**private, "kid": "private"},
        {"kty": "oct", "k": "AAAA", "kid": "symmetric"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"},
        "no key",
    ]
    right = [
        {**good, "kid": "right"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "rsa", "key_ops": ["verify"]},
    ]
    partner.body = json.dumps({"keys": [*others, *right]}).encode()
    assert known.kids("right") == ["right", "rsa"]


def test_without_any_set_the_caller_is_told_to_come_again(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    partner.status = 503
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            known.kids("first")
    assert len(partner.requests) == 1
    partner.status = 200
    clock.advance(seconds=AGAIN.total_seconds())
    assert known.kids("first") == ["first"]


@pytest.mark.attack(32)
@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "10.0.0.1"])
def test_keys_are_not_fetched_where_the_settings_do_not_lead(
    address: str, partner: Partner, clock: MovableClock, tmp_path: Path
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate(tmp_path, HOST)))
    known = Known(Outbound([], trusted, Names([address])), clock, client_at(partner.url))
    with pytest.raises(KeysUnavailable):
        known.kids("first")
    assert partner.requests == []


@pytest.mark.attack(32)
def test_a_redirect_of_the_keys_is_not_followed(known: Known, partner: Partner) -> None:
    partner.status = 302
    partner.headers = {"Location": "http://169.254.169.254/"}
    with pytest.raises(KeysUnavailable):
        known.kids("first")


def test_callers_at_once_wait_for_one_fetch(known: Known, partner: Partner) -> None:
    partner.paused = Event()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(known.kids, "first") for _ in range(3)]
        wait_until(lambda: len(partner.requests) == 1, "the set is asked for")
        partner.paused.set()
        assert [one.result() for one in waiting] == [["first"]] * 3
    assert len(partner.requests) == 1


def test_while_the_set_is_fetched_anew_known_keys_wait_for_nothing(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    known.kids("first")
    clock.advance(seconds=FRESH.total_seconds())
    partner.paused = Event()
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(known.kids, "first")
        wait_until(lambda: len(partner.requests) == 2, "the set is asked for again")
        assert known.kids("first") == ["first"]
        partner.paused.set()
        assert fetching.result() == ["first"]


def test_a_slow_partner_holds_up_half_of_the_threads_at_most_and_no_other_partner(
    partner: Partner, outbound: Outbound, clock: MovableClock, tmp_path: Path
) -> None:
    partner.paused = Event()
    with running(server_context(tmp_path, HOST)) as quick, ThreadPoolExecutor(8) as pool:
        published(quick, "other")
        known = Known(outbound, clock, client_at(partner.url), client_at(quick.url, "quick"), threads=8)
        asking: list[Future[list[str | None]]] = [pool.submit(known.kids, "first") for _ in range(8)]
        wait_until(lambda: sum(one.done() for one in asking) == 5, "five of eight are sent away")
        assert known.kids("other", client=1) == ["other"]
        published(partner, "first")
        partner.paused.set()
        answers = [one.exception() or one.result() for one in asking]
    assert len(partner.requests) == 1
    assert sum(isinstance(one, KeysUnavailable) for one in answers) == 5
    assert answers.count(["first"]) == 3


def test_a_clock_put_back_keeps_no_set_for_longer(
    known: Known, partner: Partner, clock: MovableClock
) -> None:
    known.kids("first")
    clock.advance(seconds=-FRESH.total_seconds())
    published(partner, "second")
    assert known.kids("first") == ["second"]


def test_another_address_in_the_file_is_asked_at_once_and_what_is_known_of_the_others_stays(
    partner: Partner, outbound: Outbound, clock: MovableClock, tmp_path: Path
) -> None:
    with running(server_context(tmp_path, HOST)) as moved, running(server_context(tmp_path, HOST)) as other:
        for number, one in enumerate((partner, moved, other)):
            published(one, f"key-{number}")
        files = tmp_path / "files"
        files.mkdir()
        found = [client_at(partner.url), client_at(other.url, "other")]
        clients = ClientRegistry.following(files, lambda: ClientRegistry(found))
        keys = ClientKeys(clients, outbound, clock, threads=8)

        def kids(client_id: str) -> list[str | None]:
            return [one.kid for one in keys.of(clients[client_id], None)]

        assert (kids("remote"), kids("other")) == (["key-0"], ["key-2"])
        for address, kid in ((moved.url, "key-1"), (partner.url, "key-0")):
            found[0] = client_at(address)
            (files / f"{kid}.yaml").touch()
            for _ in range(3):
                clock.advance(seconds=1)
                clients.look(clock.now())
            assert (kids("remote"), kids("other")) == ([kid], ["key-2"])
    # The address that was left was forgotten, and is asked again; the other one never was.
    assert [len(one.requests) for one in (partner, moved, other)] == [2, 1, 1]
