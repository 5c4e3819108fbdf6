"""nginx and Caddy before a portal, with the files of `config/gateway`: pages, programs, uploads, WebSockets."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from websockets.sync.client import connect

from tests.gateway.backend import running_backend
from tests.gateway.proxies import SECRET, SHIPPED, Gate, running_gate
from tests.gateway.world import PROXIES, World, cookies_of, identity_of, running_world, told
from tests.interop.running import NODE, sign_in, subject_of
from tests.servers import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.server

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
WHERE = {"nginx": "/gateway/auth-request", "caddy": "/gateway/forward-auth"}
PAGE = ("Accept: text/html", "Sec-Fetch-Mode: navigate")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(params=PROXIES)
def gate(world: World, request: pytest.FixtureRequest) -> Gate:
    return world.gate(request.param)


def test_a_browser_signs_in_and_comes_back_to_the_very_page(world: World, gate: Gate) -> None:
    doctor = world.doctor("LÉVÊQUE Zoé")
    target = "/dossiers/a%2Bb?tri=nom&q=%C3%A9t%C3%A9+1&vide="
    browser = world.visitor(gate, doctor, target)
    assert browser.page.url == f"{gate.origin}{target}"
    reached = told(browser.page.text)
    assert reached["target"] == target
    said = identity_of(reached)
    assertion = world.provider.claims(said.pop("remote-assertion"))
    assert said == {
        "remote-user": subject_of(world.provider, doctor),
        "remote-name": "L%C3%89V%C3%8AQUE Zo%C3%A9",
        "remote-login": said["remote-login"],
        "remote-profile": "health_professional",
        "remote-acr": "mfa",
        "remote-actor": "",
        "remote-actor-name": "",
    }
    assert (assertion["aud"], assertion["acr"], assertion["sub"]) == (gate.host, "mfa", said["remote-user"])
    assert assertion["exp"] - assertion["iat"] == 60


@pytest.mark.attack(59)
def test_an_assistant_is_named_in_header_and_assertion(world: World, gate: Gate) -> None:
    doctor = world.doctor()
    said = identity_of(
        told(world.visitor(gate, world.provider.add_assistant(doctor, "NAUDIN Fernand")).page.text)
    )
    assertion = world.provider.claims(said["remote-assertion"])
    assert said["remote-user"] == subject_of(world.provider, doctor) == assertion["sub"]
    assert (said["remote-actor"], said["remote-actor-name"]) == (assertion["act"]["sub"], "NAUDIN Fernand")
    assert assertion["delegation"]["id"]


def test_a_program_gets_401_with_the_challenge_and_no_redirect(world: World, gate: Gate) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(
            method, f"{gate.origin}/api", verify=str(gate.ca), timeout=10, allow_redirects=False
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{gate.host}"'
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_two_factors_are_asked_for_where_the_path_demands_them(world: World, gate: Gate) -> None:
    doctor = world.doctor(mfa=False)
    browser = world.visitor(gate, doctor, "/")
    assert identity_of(told(browser.page.text))["remote-acr"] == "pwd"
    status, head, _ = gate.get("/compte", cookie=cookies_of(browser, gate))
    assert status == 401
    assert 'error="insufficient_user_authentication"' in head
    assert 'acr_values="mfa"' in head
    browser.get(f"{gate.origin}/compte?n=1")
    assert browser.path.endswith("/activation")
    secret = browser.page.secret
    assert secret
    signing_up = type(doctor)(doctor.identifier, doctor.password, doctor.name, secret)
    browser.submit({"code": signing_up.code(world.provider.clock)})
    browser.submit({})
    assert browser.page.url == f"{gate.origin}/compte?n=1"
    assert identity_of(told(browser.page.text))["remote-acr"] == "mfa"


@pytest.mark.attack(63)
def test_assistants_are_refused_where_the_path_or_the_service_does_not_allow_them(
    world: World, gate: Gate
) -> None:
    assistant = world.provider.add_assistant(world.doctor(), "NAUDIN Fernand")
    browser = world.visitor(gate, assistant)
    with world.watched() as reached:
        assert browser.get(f"{gate.origin}/praticien").status == 403
        status, _, body = gate.get("/praticien", cookie=cookies_of(browser, gate))
        assert (status, json.loads(body)["status"]) == (403, 403)
        other = world.gate(gate.proxy, "retraite")
        browser.get(f"{other.origin}/")
        assert browser.page.status >= 400
    assert not reached


def test_a_public_path_is_open_and_says_of_nobody_who_they_are(world: World, gate: Gate) -> None:
    browser = world.visitor(gate, world.doctor())
    for cookie in ("", cookies_of(browser, gate)):
        status, _, body = gate.get("/static/logo.svg?v=1", cookie=cookie)
        assert status == 200
        assert set(identity_of(told(body)).values()) == {""}


def test_an_upload_passes_whole_and_the_decision_never_sees_it(world: World, gate: Gate) -> None:
    """The provider takes 64 KiB at most: had it been sent the body, it would have refused."""
    content = bytes(range(256)) * 20 * 1024
    browser = world.visitor(gate, world.doctor())
    cookie = {"Cookie": cookies_of(browser, gate)}
    for data in (content, iter([content[:9], content[9:]])):
        answer = requests.post(
            f"{gate.origin}/depot", data=data, headers=cookie, verify=str(gate.ca), timeout=30
        )
        told_of = (answer.json()["length"], answer.json()["sha256"])
        assert told_of == (len(content), hashlib.sha256(content).hexdigest())


def test_an_upload_reaches_the_portal_while_it_is_sent(world: World, gate: Gate) -> None:
    cookie = cookies_of(world.visitor(gate, world.doctor()), gate)
    before = len(world.backend.seen)
    lines = ("POST /depot HTTP/1.1", f"Host: {gate.host}", f"Cookie: {cookie}", "Content-Length: 8")
    with gate.connection() as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode() + b"half")
        wait_until(lambda: len(world.backend.seen) > before, "the portal is asked")
        connection.sendall(b"more")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert world.backend.seen[-1]["length"] == 8


@pytest.mark.parametrize("proxy", PROXIES)
def test_the_question_is_a_get_without_body_length_or_query(tmp_path: Path, proxy: str) -> None:
    """A length without a body would have the provider take the next question's first bytes for it."""
    gate = Gate(proxy, free_port(), tmp_path / proxy)
    with running_backend() as provider, running_gate(gate, provider.address, f"127.0.0.1:{free_port()}"):
        head = (f"Host: {gate.host}", "Connection: close", "X-Requested-With: x", "Cookie: a=b")
        gate.raw("POST /a?b=c HTTP/1.1", *head, "Content-Length: 4", body=b"half")
        gate.raw("PUT /a?b=c HTTP/1.1", *head, "Transfer-Encoding: chunked", body=b"4\r\nhalf\r\n0\r\n\r\n")
        gate.get("/a?b=c", *HANDSHAKE, "X-Requested-With: x", cookie="a=b")
        asked = provider.seen
    assert {(one["method"], one["target"]) for one in asked} == {("GET", WHERE[proxy])}
    told_of = [{name.lower(): value for name, value in one["headers"]} for one in asked]
    assert [one["x-forwarded-method"] for one in told_of] == ["POST", "PUT", "GET"]
    for one in told_of:
        assert not {"content-length", "transfer-encoding", "upgrade"} & set(one)
        sent = {
            "gateway-secret": SECRET,
            "x-forwarded-uri": "/a?b=c",
            "cookie": "a=b",
            "x-requested-with": "x",
        }
        assert sent.items() <= one.items()
        assert (one["x-forwarded-host"], one["x-forwarded-proto"]) == (gate.host, "https")


def test_an_upload_of_nobody_reaches_no_portal(world: World, gate: Gate) -> None:
    with world.watched() as reached:
        lines = ("POST /depot HTTP/1.1", f"Host: {gate.host}", "Content-Length: 9", "Connection: close")
        assert gate.raw(*lines, body=b"123456789")[0] == 401
    assert not reached


def test_a_websocket_echoes_for_who_is_signed_in_and_opens_for_nobody_else(world: World, gate: Gate) -> None:
    browser = world.visitor(gate, world.doctor())
    address = f"wss://{gate.host}/direct"
    context = ssl.create_default_context(cafile=str(gate.ca))
    with connect(address, ssl=context, additional_headers={"Cookie": cookies_of(browser, gate)}) as socket:
        for text in ("un", "é" * 5000):
            socket.send(text)
            assert socket.recv(timeout=10) == text
    with world.watched() as reached:
        assert gate.get("/direct", *HANDSHAKE)[0] == 401
    assert not reached


def test_what_the_portal_refuses_itself_stays_its_own_answer(world: World, gate: Gate) -> None:
    browser = world.visitor(gate, world.doctor())
    status, _, body = gate.get("/refuses", *PAGE, cookie=cookies_of(browser, gate))
    assert (status, told(body)["target"]) == (401, "/refuses")


def test_signing_out_ends_the_portal_too(world: World, gate: Gate) -> None:
    browser = world.visitor(gate, world.doctor())
    browser.get(f"{gate.origin}/_gateway/logout")
    if browser.path == "/logout":
        browser.submit({})
    wait_until(
        lambda: browser.get(f"{gate.origin}/").url.startswith(world.provider.settings.issuer),
        "the portal is closed",
        seconds=5,
    )
    assert browser.path.endswith("/identification")


H2 = """
const http2 = require("http2"), fs = require("fs");
const [origin, ca, cookie] = process.argv.slice(1);
const client = http2.connect(origin, {ca: fs.readFileSync(ca)});
const request = client.request({":path": "/h2?a=%2F", cookie, "remote-user": "evil", "remote_user": "evil"});
let body = "";
request.on("response", (headers) => { body += headers[":status"] + " "; });
request.on("data", (part) => { body += part; });
request.on("end", () => { process.stdout.write(body); client.close(); });
request.end();
"""


@pytest.mark.attack(41)
def test_http_2_is_judged_alike(world: World, gate: Gate) -> None:
    doctor = world.doctor()
    browser = world.visitor(gate, doctor)
    argv = [str(NODE), "-e", H2, gate.origin, str(gate.ca), cookies_of(browser, gate)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True, env={})
    status, _, body = done.stdout.partition(" ")
    assert (status, told(body)["target"]) == ("200", "/h2?a=%2F")
    assert identity_of(told(body))["remote-user"] == subject_of(world.provider, doctor)


def test_an_address_of_7000_characters_signs_in_and_keeps_its_page(world: World, gate: Gate) -> None:
    browser = world.visitor(gate, world.doctor(), f"/dossier?q={'a' * 6990}")
    assert (browser.page.status, browser.page.url) == (200, f"{gate.origin}/dossier")
    assert browser.get(f"{gate.origin}/dossier?q={'a' * 6990}").status == 200


def test_headers_of_16_kib_of_the_provider_pass(tmp_path: Path) -> None:
    """nginx takes 4 KiB by default; names and assertions may be longer."""
    gate = Gate("nginx", free_port(), tmp_path / "nginx")
    with (
        running_backend(answer_headers={"X-Long": "a" * 12_000}) as provider,
        running_backend() as portal,
        running_gate(gate, provider.address, portal.address),
    ):
        for target in ("/", "/_gateway/login"):
            assert gate.get(target)[0] == 200


def test_a_portal_that_says_nothing_is_given_up_but_for_the_place_of_its_websockets(tmp_path: Path) -> None:
    """nginx waits 60 seconds unless told another time; these files tell none, the README says where to tell one."""
    (place,) = (
        line.strip()
        for line in (SHIPPED / "README.md").read_text().splitlines()
        if line.startswith("    location /direct ")
    )
    gate = Gate("nginx", free_port(), tmp_path / "nginx")
    with running_backend() as provider, socket.create_server(("127.0.0.1", 0)) as silent:
        portal = f"127.0.0.1:{silent.getsockname()[1]}"
        size = "client_max_body_size 20m;"
        site = {size: f"{size} proxy_read_timeout 1s; {place}"}
        with running_gate(gate, provider.address, portal, site), gate.connection() as connection:
            lines = ("GET /direct HTTP/1.1", f"Host: {gate.host}", *HANDSHAKE, "")
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            assert gate.get("/")[0] == 504
            connection.settimeout(1)
            with pytest.raises(TimeoutError):
                connection.recv(1)


@pytest.mark.attack(60)
def test_the_actor_changes_by_a_new_code_only(world: World, gate: Gate) -> None:
    doctor = world.doctor()
    assistant = world.provider.add_assistant(doctor, "NAUDIN Fernand")
    browser = world.visitor(gate, doctor)
    before = cookies_of(browser, gate)
    for _ in range(2):
        # The assistant opens the portal where the doctor signed in: it is the doctor's, and nobody becomes another.
        assert identity_of(told(browser.get(f"{gate.origin}/").text))["remote-actor"] == ""
        browser._session.cookies.clear(domain="localhost.local")
    browser.get(f"{world.provider.settings.issuer}/logout")
    browser.submit({})
    wait_until(lambda: gate.get("/", cookie=before)[0] == 401, "the doctor's session is over", seconds=5)
    browser.get(f"{gate.origin}/")
    sign_in(browser, world.provider, assistant)
    said = identity_of(told(browser.page.text))
    assert said["remote-actor-name"] == "NAUDIN Fernand"
    assert gate.get("/", cookie=before)[0] == 401


@pytest.mark.attack(40)
@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("headers", [(), PAGE])
def test_without_the_provider_nothing_passes(
    world: World, tmp_path: Path, proxy: str, headers: tuple[str, ...]
) -> None:
    gate = Gate(proxy, free_port(), tmp_path / proxy)
    browser = world.visitor(world.gate(proxy), world.doctor())
    with running_gate(gate, f"127.0.0.1:{free_port()}", world.backend.address), world.watched() as reached:
        cookie = cookies_of(browser, world.gate(proxy))
        for target in ("/", "/static/logo.svg", "/_gateway/login"):
            assert gate.get(target, *headers, cookie=cookie)[0] >= 500
    assert not reached
