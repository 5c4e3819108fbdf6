"""What a visitor may send to nginx and Caddy, byte by byte, and what of it reaches the portal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.gateway.proxies import Gate
from tests.gateway.world import (
    PROXIES,
    World,
    cookie_of,
    cookies_of,
    headers_of,
    identity_of,
    running_world,
    told,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.server

PAGE = ("Accept: text/html", "Sec-Fetch-Mode: navigate")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(params=PROXIES)
def gate(world: World, request: pytest.FixtureRequest) -> Gate:
    return world.gate(request.param)


@pytest.mark.attack(40)
def test_a_malformed_or_truncated_cookie_is_nobodys(world: World, gate: Gate) -> None:
    right = cookies_of(world.visitor(gate, world.doctor()), gate)
    name = cookie_of(gate)
    wrong = [
        right[:-1],
        f"{right}A",
        right.upper(),
        right.replace("__Host-", ""),
        f"{name}=",
        name,
        f"{name}=../../x",
        f"{name}=\xff\xfe",
        f"{name}={'A' * 3000}",
        right.replace(name, "__Host-gateway"),
        "=;;= ;",
    ]
    with world.watched() as reached:
        for cookie in wrong:
            assert gate.get("/", cookie=cookie)[0] == 401, cookie
            status, head, _ = gate.get("/", *PAGE, cookie=cookie)
            assert (status, f"{world.provider.settings.issuer}/oauth2/authorize" in head) == (302, True)
        assert gate.get("/", cookie=f"{name}={'A' * 60_000}")[0] >= 400
    assert not reached


SPELLINGS = ("Remote-{}", "remote-{}", "REMOTE-{}", "Remote_{}", "REMOTE_{}", "Remote.{}", "remote-{}")
FORGED = (
    *(
        spelling.format(name)
        for spelling in SPELLINGS
        for name in ("User", "Actor", "Actor-Name", "Actor_Name", "Acr")
    ),
    *(
        "Remote-Assertion",
        "Remote_Assertion",
        "Remote-Groups",
        "Remote-Email",
        "Remote-Name",
        "Remote-Login",
        "Remote-Profile",
    ),
    *("Gateway-Secret", "Gateway_Secret", "Forwarded", "X-Real-Ip", "X-Original-Url", "X-Rewrite-Url"),
    *(
        f"X-Forwarded-{name}"
        for name in ("For", "Host", "Proto", "Uri", "Method", "Port", "Prefix", "Server")
    ),
    *(f"X_Forwarded_{name}" for name in ("Host", "Proto", "Uri", "Method")),
)


@pytest.mark.attack(41)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(tuple(f"{name}: evil" for name in FORGED), id="every spelling, some twice"),
        pytest.param(
            (
                f"Connection: close, {', '.join(FORGED[:5])}, Remote-Assertion, Gateway-Secret, X-Forwarded-Uri",
            ),
            id="named in Connection",
        ),
        pytest.param(
            (f"Connection: {', '.join(FORGED[:5])}", "Connection: Remote-Assertion", "Remote-Actor: evil"),
            id="Connection twice",
        ),
    ],
)
def test_identity_headers_of_a_visitor_never_arrive_and_those_of_the_gateway_always_do(
    world: World, gate: Gate, lines: tuple[str, ...]
) -> None:
    assistant = world.provider.add_assistant(world.doctor(), "NAUDIN Fernand")
    browser = world.visitor(gate, assistant)
    expected = identity_of(told(browser.page.text))
    for target in ("/", "/static/x"):
        request = (f"GET {target} HTTP/1.1", f"Host: {gate.host}", f"Cookie: {cookies_of(browser, gate)}")
        status, _, body = gate.raw(*request, *lines, "Connection: close")
        assert status == 200
        said = identity_of(told(body))
        if target == "/":
            assert {**said, "remote-assertion": ""} == {**expected, "remote-assertion": ""}
            assert world.provider.claims(said["remote-assertion"])["act"]["name"] == "NAUDIN Fernand"
        else:
            assert set(said.values()) == {""}
        assert "evil" not in json.dumps(told(body)["headers"])
        arrived = dict(headers_of(told(body)))
        assert (arrived["x-forwarded-host"], arrived["x-forwarded-proto"]) == (gate.host, "https")
        assert (arrived["host"], arrived["x-forwarded-for"]) == (gate.host, "127.0.0.1")
        assert "gateway-secret" not in arrived


AT_THE_ACCOUNT = (
    *("/compte", "/compte/", "/compte?x=/static", "/compte;/static", "/compte#/static", "/compte%23/static"),
    *(
        "//compte",
        "/./compte",
        "/%2e/compte",
        "/%63ompte",
        "/%2563ompte",
        "/COMPTE",
        "/compte%20",
        "/compte.",
        "/compte.json",
        "//static/compte",
        "//x/compte",
        "//localhost/compte",
    ),
    *("/compte%00", "/compte%0a", "/compte%3b", "/%63%6fmpte/a", "/x/../compte", "/compte%2fx", "/%2fcompte"),
    *("/static/../compte", "/static/..%2fcompte", "/static%2f..%2fcompte", "/static/%2e%2e/compte"),
    *("/static/..;/compte", "/static;/../compte", "/static\\..\\compte", "/static/..%5ccompte"),
    *("/static/.%2e/compte", "/static/%252e%252e/compte", "/static/..%c0%afcompte", "/static/.\xa0./compte"),
    *(
        "/_gateway/../compte",
        "/_gateway/..%2fcompte",
        "/%5fgateway/../compte",
        "/static/../_gateway/../compte",
    ),
)


@pytest.mark.attack(42)
@pytest.mark.attack(43)
def test_the_real_path_is_judged_however_it_is_written(world: World, gate: Gate) -> None:
    """Who has only a password may see `/` and `/static`; `/compte` demands two factors."""
    browser = world.visitor(gate, world.doctor(mfa=False))
    cookie = cookies_of(browser, gate)
    elsewhere = ("X-Forwarded-Uri: /static/x", "X-Original-URL: /static/x", "X-Rewrite-URL: /static/x")
    with world.watched() as reached:
        for target in (*AT_THE_ACCOUNT, f"{gate.origin}/compte", f"{gate.origin}/static/../compte"):
            for more in ((), (*elsewhere, *PAGE)):
                status = gate.get(target, *more, cookie=cookie)[0]
                assert status in (302, 400, 401, 403, 404), (target, status)
    assert [request["target"] for request in reached] == []
    assert gate.get("/", *elsewhere, cookie=cookie)[0] == 200


@pytest.mark.attack(42)
def test_nothing_of_the_provider_but_the_gateways_own_addresses_is_reached_through_the_host(
    world: World, gate: Gate
) -> None:
    browser = world.visitor(gate, world.doctor())
    for target in (
        "/_gateway/../gateway/forward-auth",
        "/_gateway/..%2fgateway/answer",
        "/gateway/auth-request/../../_gateway/x",
        "/_gateway/%2e%2e/.well-known/openid-configuration",
        "/x/../_gateway/../healthz",
        "/_gateway/auth-request",
        "/_gateway/answer",
        "/_gateway/",
    ):
        with world.watched() as reached:
            status, head, body = gate.get(target, cookie=cookies_of(browser, gate))
        assert status in (400, 403, 404), (target, status, head)
        assert b"authorization_endpoint" not in body
        assert "remote-user" not in head.lower()
        assert not reached
    lines = (
        "POST /_gateway/callback HTTP/1.1",
        f"Host: {gate.host}",
        "Content-Length: 0",
        "Connection: close",
    )
    assert gate.raw(*lines)[0] >= 400


@pytest.mark.attack(43)
@pytest.mark.attack(45)
def test_a_host_is_judged_as_the_one_that_is_served_or_refused(world: World, gate: Gate) -> None:
    port = gate.port
    hosts = (
        *(f"LOCALHOST:{port}", f"localhost.:{port}", "localhost", "localhost:443", "localhost:99999", ""),
        *(
            "evil.example",
            f"evil.example:{port}",
            f"localhost:{port}@evil.example",
            f"evil.example/localhost:{port}",
        ),
        *(f"localhost%2eevil.example:{port}", f"localhost:{port}, evil.example", "[::1]", "127.0.0.1"),
    )
    evil = ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Proto: http")
    with world.watched() as reached:
        for host in hosts:
            for more in ((), evil):
                status, head, body = gate.raw(
                    "GET /a HTTP/1.1", f"Host: {host}", "Connection: close", *PAGE, *more
                )
                assert "evil" not in head, host
                assert b"evil" not in body, host
                assert status in (302, 400, 404, 421), (host, status)
                if status == 302:
                    _leads_to_the_provider_for(world, gate, head)
    assert not reached


@pytest.mark.attack(43)
@pytest.mark.attack(45)
def test_other_forms_of_a_request_are_judged_alike(world: World, gate: Gate) -> None:
    close = "Connection: close"
    judged: list[tuple[str, ...]] = [
        (f"GET https://{gate.host}/a HTTP/1.1", "Host: evil.example", close, *PAGE),
        (f"GET http://{gate.host}/a HTTP/1.1", f"Host: {gate.host}", close, *PAGE),
        ("GET /a HTTP/1.0", f"Host: {gate.host}", *PAGE),
    ]
    refused: list[tuple[str, ...]] = [
        ("GET https://evil.example/a HTTP/1.1", f"Host: {gate.host}", close, *PAGE),
        ("GET /a HTTP/1.0", *PAGE),
        ("GET /a HTTP/1.1", close),
        ("GET /a HTTP/1.1", f"Host: {gate.host}", "Host: evil.example", close),
        (f"CONNECT {gate.host} HTTP/1.1", f"Host: {gate.host}", close),
        ("GET a HTTP/1.1", f"Host: {gate.host}", close),
        ("GET /a b HTTP/1.1", f"Host: {gate.host}", close),
    ]
    for lines in judged:
        status, head, _ = gate.raw(*lines)
        assert status == 302, lines
        _leads_to_the_provider_for(world, gate, head)
    with world.watched() as reached:
        for lines in refused:
            assert 400 <= gate.raw(*lines)[0] < 500, lines
    assert not reached


def _leads_to_the_provider_for(world: World, gate: Gate, head: str) -> None:
    (location,) = (line[10:] for line in head.splitlines() if line.lower().startswith("location: "))
    assert location.startswith(f"{world.provider.settings.issuer}/oauth2/authorize?")
    asked = parse_qs(urlsplit(location).query)
    assert asked["redirect_uri"] == [f"{gate.origin}/_gateway/callback"]


BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.attack(44)
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), id="CL, TE"),
        pytest.param(("Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"), id="TE, CL"),
        pytest.param(("Content-Length: 5", f"Content-Length: {len(BODY)}"), id="two lengths"),
        pytest.param((f"Content-Length: 5, {len(BODY)}",), id="two lengths in one"),
        pytest.param(("Content-Length: +5",), id="a length with a sign"),
        pytest.param(("Transfer-Encoding: xchunked", f"Content-Length: {len(BODY)}"), id="unknown coding"),
        pytest.param(("Transfer-Encoding: identity, chunked",), id="two codings"),
        pytest.param(
            ("Transfer-Encoding : chunked", f"Content-Length: {len(BODY)}"), id="blank before the colon"
        ),
    ],
)
def test_a_body_of_two_lengths_smuggles_nothing(world: World, gate: Gate, lines: tuple[str, ...]) -> None:
    cookie = cookies_of(world.visitor(gate, world.doctor()), gate)
    with world.watched() as reached:
        status, _, _ = gate.raw(
            "POST /depot HTTP/1.1", f"Host: {gate.host}", f"Cookie: {cookie}", *lines, body=BODY
        )
    if gate.proxy == "caddy" and {"Transfer-Encoding: chunked"} <= set(lines):
        # Go forgets the length before Caddy sees the request: what goes on has one framing, and what follows in the
        # connection is a request of its own, judged without a cookie.
        (passed,) = reached
        assert (passed["target"], passed["length"]) == ("/depot", 0)
        assert "content-length" not in dict(headers_of(passed))
    else:
        assert status in (400, 501)
        assert not reached


@pytest.mark.attack(44)
@pytest.mark.parametrize(
    ("lines", "becomes"),
    [
        pytest.param(("Upgrade: h2c",), {""}, id="h2c"),
        pytest.param(("Upgrade: websocket, h2c",), {""}, id="h2c beside a WebSocket"),
        pytest.param(("Upgrade: h2c", "Upgrade: websocket"), {"", "websocket"}, id="h2c and a WebSocket"),
        pytest.param(("Upgrade: WebSocket",), {"websocket"}, id="a WebSocket"),
    ],
)
def test_a_connection_becomes_a_websocket_or_stays_what_it_is(
    world: World, gate: Gate, lines: tuple[str, ...], becomes: set[str]
) -> None:
    """A portal that answers h2c with 101 would take requests out of the connection that nobody judged."""
    also = ("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    request = ("GET /static/x HTTP/1.1", f"Host: {gate.host}", *also, *lines, "")
    before = len(world.backend.seen)
    with gate.connection() as connection:
        connection.sendall("".join(f"{line}\r\n" for line in request).encode())
        wait_until(lambda: len(world.backend.seen) > before, "the portal is asked")
    (reached,) = world.backend.seen[before:]
    arrived = headers_of(reached)
    assert ",".join(value for name, value in arrived if name == "upgrade") in becomes
    connections = {value.lower() for name, value in arrived if name == "connection"}
    assert ("upgrade" in connections) == ("upgrade" in dict(arrived))
    assert connections <= {"close", "upgrade"}
    assert "http2-settings" not in dict(arrived)


@pytest.mark.attack(41)
def test_nobody_is_named_in_a_trailer(world: World, gate: Gate) -> None:
    """Go keeps the names that were announced where no Caddyfile reaches them; what they were given goes nowhere."""
    cookie = cookies_of(world.visitor(gate, world.doctor()), gate)
    lines = ("Transfer-Encoding: chunked", "Trailer: Remote-Actor, Remote-User", "Connection: close")
    body = b"3\r\nabc\r\n0\r\nRemote-User: evil\r\nRemote-Actor: evil\r\n\r\n"
    with world.watched() as reached:
        status, _, _ = gate.raw(
            "POST /depot HTTP/1.1", f"Host: {gate.host}", f"Cookie: {cookie}", *lines, body=body
        )
    (passed,) = reached
    assert (status, passed["length"], passed["trailers"]) == (200, 3, [])
    if gate.proxy == "nginx":
        assert "trailer" not in dict(headers_of(passed))
