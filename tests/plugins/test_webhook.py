"""Notices to a receiver of the fund's, against real HTTP servers: signed, posted once, never led elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import idp_webhook
import pytest
from idp_webhook import WebhookNotifier

from idp.configuration import ConfigurationErrors
from idp.plugins import NotDelivered, PluginError, Unreachable, load_plugins
from tests.certificates import certificate, server_context
from tests.plugins.conftest import MakeSettings
from tests.plugins.test_smtp import MESSAGE as MAIL

SECRET = "a secret of thirty-two characters"
MESSAGE = replace(MAIL, recipient="+37799000000")

MakeNotifier = Callable[..., WebhookNotifier]


@dataclass
class Receiver:
    """What came, and what is answered."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    silent: Event | None = None
    """Until it is set, nothing is answered."""


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on loopback."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.requests.append((self.path, dict(self.headers), body))
            if told.silent is not None:
                told.silent.wait(20)
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def notifier(make_settings: MakeSettings) -> MakeNotifier:
    """Give a function that returns the notifier for an address."""

    def made(url: str, more: str = "") -> WebhookNotifier:
        return WebhookNotifier(make_settings(f"webhook: {{url: '{url}', secret: '{SECRET}'{more}}}\n"))

    return made


def refusal(notifier: WebhookNotifier) -> NotDelivered:
    with pytest.raises(NotDelivered) as refused:
        notifier.send(MESSAGE)
    assert MESSAGE.recipient not in str(refused.value)
    return refused.value


def test_a_notice_is_posted_as_json_with_its_id(notifier: MakeNotifier) -> None:
    with receiver() as told:
        notifier(f"http://127.0.0.1:{told.port}/notices?for=idp").send(MESSAGE)
    ((path, headers, body),) = told.requests
    assert path == "/notices?for=idp"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == MESSAGE.id
    assert json.loads(body) == {
        "id": MESSAGE.id,
        "kind": "new_device",
        "created_at": "2026-01-15T09:30:00+00:00",
        "recipient": "+37799000000",
        "language": "fr",
        "subject": MESSAGE.subject,
        "text": MESSAGE.text,
        "html": MESSAGE.html,
    }


def test_time_and_body_are_signed(notifier: MakeNotifier) -> None:
    with receiver() as told:
        sender = notifier(f"http://127.0.0.1:{told.port}/")
        sender.send(MESSAGE)
        sender.send(replace(MESSAGE, sent_at=datetime(2026, 1, 15, 10, tzinfo=UTC)))
    signatures = []
    for _, headers, body in told.requests:
        at, digest = (part.partition("=")[2] for part in headers["Idp-Signature"].split(","))
        right = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(digest, right)
        signatures.append((int(at), digest))
    assert [at for at, _ in signatures] == [1768469460, 1768471200]
    assert signatures[0][1] != signatures[1][1]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True),
        (401, False),
        (403, False),
        (404, True),
        (408, False),
        (410, True),
        (422, True),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_an_answer_other_than_success_says_whether_to_try_again(
    notifier: MakeNotifier, status: int, permanent: bool
) -> None:
    with receiver() as told:
        sender = notifier(f"http://127.0.0.1:{told.port}/")
        told.status = status
        refused = refusal(sender)
        assert refused.permanent == permanent
        assert str(refused) == f"webhook: {status}"
        told.status = 200
        sender.send(MESSAGE)
    assert len(told.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(notifier: MakeNotifier, status: int) -> None:
    with receiver() as elsewhere, receiver() as told:
        told.status = status
        told.headers["Location"] = f"http://127.0.0.1:{elsewhere.port}/"
        refused = refusal(notifier(f"http://127.0.0.1:{told.port}/"))
    assert not refused.permanent
    assert not elsewhere.requests


def test_a_receiver_that_hangs_is_left_after_its_time(
    notifier: MakeNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idp_webhook, "TIMEOUT_SECONDS", (0.2, 0.2))
    with receiver() as told:
        told.silent = Event()
        begun = time.monotonic()
        refused = refusal(notifier(f"http://127.0.0.1:{told.port}/"))
        assert time.monotonic() - begun < 5
        told.silent.set()
    assert isinstance(refused, Unreachable)
    assert str(refused) == "webhook: ReadTimeout"


def test_nobody_there_is_unreachable(notifier: MakeNotifier) -> None:
    with receiver() as told:
        gone = told.port
    refused = refusal(notifier(f"http://127.0.0.1:{gone}/"))
    assert isinstance(refused, Unreachable)
    assert str(refused) == "webhook: ConnectionError"


def test_over_https_only_certificates_that_are_trusted_are_taken(
    notifier: MakeNotifier, tmp_path: Path
) -> None:
    with receiver(server_context(tmp_path)) as told:
        url = f"https://localhost:{told.port}/"
        notifier(url, f", ca_file: '{certificate(tmp_path)}'").send(MESSAGE)
        assert len(told.requests) == 1
        refused = refusal(notifier(url))
        assert isinstance(refused, Unreachable)
        assert str(refused) == "webhook: SSLError"
        other = notifier(url, f", ca_file: '{certificate(tmp_path, 'other.test')}'")
        assert isinstance(refusal(other), Unreachable)
    assert len(told.requests) == 1


def test_a_proxy_of_the_environment_is_not_told(
    notifier: MakeNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as proxy, receiver() as told:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        notifier(f"http://127.0.0.1:{told.port}/").send(MESSAGE)
    assert len(told.requests) == 1
    assert not proxy.requests


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"phone_number": "+37799000000", "email": "a@example.org"}, ["+37799000000"]),
        ({"email": "a@example.org"}, ["a@example.org"]),
        ({"phone_number": " ", "email": "a@example.org"}, ["a@example.org"]),
        ({"phone_number": 377}, []),
        ({}, []),
    ],
)
def test_the_telephone_comes_before_the_mail(
    notifier: MakeNotifier, attributes: dict[str, object], expected: list[str]
) -> None:
    assert list(notifier("http://127.0.0.1/").recipients(attributes)) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "ValueError: the settings `webhook` are expected"),
        (
            f"webhook: {{url: 'http://127.0.0.1/', secret: '{SECRET}', ca_file: absent.pem}}\n",
            "FileNotFoundError: ",
        ),
    ],
)
def test_settings_that_are_not_there_stop_the_start_in_one_line(
    make_settings: MakeSettings, more: str, expected: str
) -> None:
    with pytest.raises(PluginError) as refused:
        load_plugins(make_settings(f"plugins: {{notifiers: [webhook]}}\n{more}"))
    assert str(refused.value).startswith(f"plugin 'webhook' of idp.notifiers fails: {expected}")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://user@example.org/", "https://*.example.org/", "ftp://example.org/"],
)
def test_an_address_in_the_clear_or_in_two_readings_is_refused(make_settings: MakeSettings, url: str) -> None:
    with pytest.raises(ConfigurationErrors):
        make_settings(f"webhook: {{url: '{url}', secret: '{SECRET}'}}\n")
