"""What ``idp clients try`` says of addresses that do not answer, of certificates and of clocks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from requests import Response

from idp.clients.model import Client
from idp.commands.trying.addresses import certificates
from idp.commands.trying.calling import Caller, NotAnswered
from idp.commands.trying.running_provider import clock_of
from idp.commands.trying.trial import Trial
from tests.certificates import certificate, server_context
from tests.clock import MovableClock
from tests.config.samples import DIGEST
from tests.partners import Partner, running
from tests.provider import START


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Partner]:
    with running(server_context(tmp_path)) as partner:
        yield partner


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    return Caller(certificate(tmp_path))


def reason(caller: Caller, address: str) -> str:
    with pytest.raises(NotAnswered) as failed:
        caller.get(address)
    return str(failed.value)


def test_each_failure_has_its_words(secured: Partner, caller: Caller) -> None:
    port = secured.port
    assert caller.get(f"https://localhost:{port}/").status_code == 200
    assert (
        reason(caller, f"https://127.0.0.1:{port}/")
        == "its certificate is not taken (it is for another name)"
    )
    assert "signed by itself" in reason(Caller(), f"https://localhost:{port}/")
    assert reason(caller, "https://service.invalid/") == "its name is not known here (DNS)"
    assert reason(caller, "http://127.0.0.1:1/") == "nothing listens there (connection refused)"
    assert reason(caller, "https://[broken/") == "this is no address"
    with running(None) as plain:
        plain.status, plain.headers = 302, {"Location": "http://[bad/"}
        assert reason(caller, f"http://127.0.0.1:{plain.port}/") == "it redirects to what is no address"
        assert (
            reason(caller, f"https://localhost:{plain.port}/")
            == "its certificate is not taken (no TLS is spoken there)"
        )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.listen()
        impatient = Caller(seconds=0.2)
        assert reason(impatient, f"http://127.0.0.1:{silent.getsockname()[1]}/") == "no answer in time"


def test_no_cookie_is_kept_from_one_call_to_the_next(secured: Partner, caller: Caller) -> None:
    secured.headers = {"Set-Cookie": "session=mine; Path=/"}
    for _ in range(2):
        caller.get(f"https://localhost:{secured.port}/")
    assert all("Cookie" not in headers for _method, _path, headers, _body in secured.requests)


@pytest.mark.parametrize(
    ("earlier", "level"), [(timedelta(0), "advice"), (timedelta(days=40), "right")], ids=["soon", "later"]
)
def test_a_certificate_that_ends_soon_is_said(
    secured: Partner, caller: Caller, earlier: timedelta, level: str
) -> None:
    clock = MovableClock()
    clock.set(datetime.now(UTC) - earlier)
    data = {
        "client_id": "portal",
        "name": "Portail",
        "redirect_uris": [
            f"https://localhost:{secured.port}/callback",
            f"https://localhost:{secured.port}/b",
        ],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "scope": ["openid"],
        "profiles": ["insured"],
    }
    client = Client.model_validate(data, context={})
    [found] = certificates(Trial(client, "http://127.0.0.1:1", caller, clock, lambda _words: None))
    assert (found.level, "localhost" in found.says) == (level, True)


@pytest.mark.parametrize(
    ("apart", "level", "says"),
    [
        (0, "right", "the service has the time of this machine"),
        (29, "right", "the service has the time of this machine"),
        (31, "wrong", "the service is 31 s ahead of this machine"),
        (-600, "wrong", "the service is 600 s behind this machine"),
    ],
)
def test_a_clock_that_is_off_is_said(apart: int, level: str, says: str) -> None:
    clock = MovableClock()
    clock.set(START)
    answer = Response()
    answer.headers["Date"] = format_datetime(START + timedelta(seconds=apart), usegmt=True)
    [found] = clock_of("service", answer, clock)
    assert (found.level, found.says) == (level, says)


@pytest.mark.parametrize("date", [None, "today", ""])
def test_without_a_date_nothing_is_said_of_the_clock(date: str | None) -> None:
    answer = Response()
    if date is not None:
        answer.headers["Date"] = date
    assert list(clock_of("service", answer, MovableClock())) == []
