"""Calls to partners' addresses: real HTTPS servers on loopback, a resolver of the test's own, hostile answers."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from threading import Event
from urllib.parse import parse_qs

import pytest

from idp.configuration import ConfigurationErrors
from idp.outbound import NotReached, Outbound, Patience
from idp.settings import load_settings
from tests.certificates import certificate, server_context
from tests.config.samples import SETTINGS, lines_of
from tests.partners import HOST, Names, Partner, running

INSIDE = ("127.0.0.0/8",)
LIMIT = 1000


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with running(server_context(tmp_path, HOST)) as made:
        yield made


@pytest.fixture
def trusted(tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate(tmp_path, HOST)))


def outbound(
    trusted: ssl.SSLContext,
    resolver: Callable[[str, int], Sequence[str]] = Names(["127.0.0.1"]),
    allowed: Sequence[str] = INSIDE,
    **patience: float,
) -> Outbound:
    return Outbound([ip_network(one) for one in allowed], trusted, resolver, Patience(**patience))


def refusal(calls: Outbound, url: str) -> str:
    with pytest.raises(NotReached) as refused:
        calls.get(url, limit=LIMIT)
    return str(refused.value)


def test_an_allowed_address_inside_the_house_is_called_by_its_name(
    partner: Partner, trusted: ssl.SSLContext
) -> None:
    assert outbound(trusted).get(partner.url, limit=LIMIT) == b'{"keys": []}'
    ((method, path, headers, _),) = partner.requests
    assert (method, path, headers["Host"]) == ("GET", "/keys?for=idp", f"{HOST}:{partner.port}")


def test_a_form_is_posted_and_its_status_told(partner: Partner, trusted: ssl.SSLContext) -> None:
    partner.status = 400
    assert outbound(trusted).post_form(partner.url, {"logout_token": "a.b+c", "é": "&"}) == 400
    ((method, _, headers, sent),) = partner.requests
    assert (method, headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(sent.decode()) == {"logout_token": ["a.b+c"], "é": ["&"]}


REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.attack(32)
@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_not_called(address: str, trusted: ssl.SSLContext) -> None:
    for resolver in (Names([address]), Names(["93.184.216.34", address])):
        told = refusal(outbound(trusted, resolver, allowed=()), f"https://{HOST}/")
        assert "may not be called" in told


@pytest.mark.attack(32)
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"],
)
def test_no_way_of_writing_loopback_leads_there(host: str, partner: Partner, trusted: ssl.SSLContext) -> None:
    system = Outbound([], trusted)
    assert "may not be called" in refusal(system, f"https://{host}:{partner.port}/")
    assert partner.requests == []


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_a_public_address_is_called(
    address: str, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, int]] = []

    def connect(where: tuple[str, int], timeout: float) -> socket.socket:
        called.append(where)
        raise ConnectionRefusedError("the tests call nobody outside")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert "ConnectionRefusedError" in refusal(outbound(trusted, Names([address]), ()), f"https://{HOST}/")
    assert called == [(address.removeprefix("::ffff:"), 443)]


@pytest.mark.attack(32)
def test_a_name_that_changes_its_answer_leads_only_where_it_was_judged(
    partner: Partner, trusted: ssl.SSLContext
) -> None:
    rebinding = Names(["127.0.0.1"], ["169.254.169.254"])
    calls = outbound(trusted, rebinding)
    assert calls.get(partner.url, limit=LIMIT)
    assert rebinding.asked == [(HOST, partner.port)]
    assert "169.254.169.254 may not be called" in refusal(calls, partner.url)
    assert len(partner.requests) == 1


@pytest.mark.attack(32)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, partner: Partner, trusted: ssl.SSLContext) -> None:
    names = Names(["127.0.0.1"])
    partner.status = status
    partner.headers = {"Location": "http://169.254.169.254/latest/meta-data/"}
    assert f"status {status}" in refusal(outbound(trusted, names), partner.url)
    assert outbound(trusted, names).post_form(partner.url, {}) == status
    assert [host for host, _ in names.asked] == [HOST, HOST]


def test_the_next_address_of_a_name_is_tried(partner: Partner, trusted: ssl.SSLContext) -> None:
    assert outbound(trusted, Names(["127.0.0.2", "127.0.0.1"])).get(partner.url, limit=LIMIT)


@pytest.mark.attack(32)
def test_plain_http_leads_inside_the_house_only(trusted: ssl.SSLContext) -> None:
    with running(None) as partner:
        url = partner.url.replace("https", "http")
        assert outbound(trusted).get(url, limit=LIMIT)
        assert "may not be called over http" in refusal(outbound(trusted, allowed=()), url)
        public = outbound(trusted, Names(["93.184.216.34"]))
        assert "may not be called over http" in refusal(public, url)
        assert len(partner.requests) == 1


@pytest.mark.parametrize(
    ("address", "host"), [("::1", "[::1]"), ("::1", "[::0.0.0.1]"), ("127.0.0.1", "[::ffff:127.0.0.1]")]
)
def test_an_address_of_ipv6_is_called(address: str, host: str, trusted: ssl.SSLContext) -> None:
    with running(None, address) as partner:
        calls = Outbound([ip_network(address)], trusted)
        assert calls.get(f"http://{host}:{partner.port}/", limit=LIMIT) == partner.body
        ((_, _, headers, _),) = partner.requests
        assert headers["Host"] == f"{host}:{partner.port}"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://partner.test/",
        "file:///etc/passwd",
        "gopher://partner.test/",
        "//partner.test/",
        "https:///keys",
        "https://partner.test:99999/",
        "https://partner.test:x/",
        "https://[::1/",
        "https://partner.test/a b",
        "https://partner.test/a\r\nX-Injected: 1",
        "",
    ],
)
def test_what_is_no_address_is_not_called(url: str, trusted: ssl.SSLContext) -> None:
    with pytest.raises(NotReached):
        outbound(trusted).get(url, limit=LIMIT)


def test_the_certificate_must_be_of_the_name_and_trusted(tmp_path: Path, trusted: ssl.SSLContext) -> None:
    with running(server_context(tmp_path, "other.test")) as partner:
        both = ssl.create_default_context(cafile=str(certificate(tmp_path, "other.test")))
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(outbound(both), partner.url)
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(outbound(trusted), partner.url)
        assert partner.requests == []


def test_no_proxy_of_the_environment_is_used(
    partner: Partner, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert outbound(trusted).get(partner.url, limit=LIMIT)


@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_the_limit_is_refused(chunked: bool, partner: Partner, trusted: ssl.SSLContext) -> None:
    partner.body = b"x" * LIMIT
    assert len(outbound(trusted).get(partner.url, limit=LIMIT)) == LIMIT
    partner.body = b"x" * (LIMIT + 1)
    if chunked:
        partner.body = f"{LIMIT + 1:x}\r\n".encode() + partner.body + b"\r\n0\r\n\r\n"
        partner.headers = {"Transfer-Encoding": "chunked"}
    assert f"more than {LIMIT} bytes" in refusal(outbound(trusted), partner.url)


def test_a_bomb_is_not_unpacked(partner: Partner, trusted: ssl.SSLContext) -> None:
    partner.body = gzip.compress(b"x" * 100_000)
    partner.headers = {"Content-Encoding": "gzip"}
    assert "compressed" in refusal(outbound(trusted), partner.url)
    ((_, _, headers, _),) = partner.requests
    assert headers["Accept-Encoding"] == "identity"


def test_an_answer_that_breaks_off_is_refused(partner: Partner, trusted: ssl.SSLContext) -> None:
    partner.headers = {"Content-Length": "500"}
    assert "truncated" in refusal(outbound(trusted), partner.url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Transfer-Encoding": "chunked"},
        {"X-Long": "x" * 70_000},
        {f"X-{number}": "1" for number in range(200)},
    ],
)
def test_an_answer_that_is_no_http_is_refused(
    headers: dict[str, str], partner: Partner, trusted: ssl.SSLContext
) -> None:
    partner.headers = headers
    assert len(refusal(outbound(trusted), partner.url)) < 500


def test_an_answer_that_drips_ends_with_the_time_for_the_whole(
    partner: Partner, trusted: ssl.SSLContext
) -> None:
    partner.dripping = True
    assert _seconds(lambda: refusal(outbound(trusted, step=5, total=0.5), partner.url)) < 3


def test_a_server_that_says_nothing_is_not_waited_for(trusted: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://{HOST}:{silent.getsockname()[1]}/"
        assert _seconds(lambda: refusal(outbound(trusted, step=0.2, total=60), url)) < 5


def test_a_resolver_that_says_nothing_is_not_waited_for(trusted: ssl.SSLContext) -> None:
    over = Event()

    def resolver(_host: str, _port: int) -> Sequence[str]:
        over.wait(20)
        return ["127.0.0.1"]

    assert _seconds(lambda: refusal(outbound(trusted, resolver, step=0.2), f"https://{HOST}/")) < 5
    over.set()


@pytest.mark.parametrize("error", [socket.gaierror("unknown"), UnicodeError("label too long")])
def test_a_name_that_is_not_resolved_is_not_reached(error: Exception, trusted: ssl.SSLContext) -> None:
    def resolver(_host: str, _port: int) -> Sequence[str]:
        raise error

    assert type(error).__name__ in refusal(outbound(trusted, resolver), f"https://{HOST}/")
    assert "no address" in refusal(outbound(trusted, Names([])), f"https://{HOST}/")


def test_the_settings_name_networks_and_certificates(tmp_path: Path) -> None:
    file = tmp_path / "idp.yaml"
    ca_file = certificate(tmp_path, "localhost")
    file.write_text(
        f"{SETTINGS}outbound:\n  allowed: [127.0.0.0/8, '::1']\n  ca_file: {ca_file}\n", encoding="utf-8"
    )
    with running(server_context(tmp_path, "localhost")) as partner:
        calls = Outbound.from_settings(load_settings(file, {}))
        assert calls.get(f"https://localhost:{partner.port}/", limit=LIMIT)


@pytest.mark.parametrize("network", ["10.1.2.3/24", "10.1.2", "partner.test", "*", ""])
def test_a_network_that_is_none_is_an_error_with_its_place(network: str, tmp_path: Path) -> None:
    file = tmp_path / "idp.yaml"
    file.write_text(f"{SETTINGS}outbound:\n  allowed: ['{network}']\n", encoding="utf-8")
    assert lines_of(lambda: load_settings(file, {}), tmp_path) == [
        "idp.yaml:11:13: outbound.allowed[0]: a network such as 10.1.2.0/24 or fd00:1:2::/48, or one address"
    ]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_an_error_with_their_place(
    content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "idp.yaml"
    file.write_text(f"{SETTINGS}outbound:\n  ca_file: ca.pem\n", encoding="utf-8")
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(ConfigurationErrors) as failed:
        Outbound.from_settings(load_settings(file, {}))
    assert str(failed.value).endswith("11:12: outbound.ca_file: a readable file of certificates in PEM")


def _seconds(act: Callable[[], object]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start
