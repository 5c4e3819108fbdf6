"""What becomes of a request at a guarded host: who passes, who is sent to sign in, who is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from idp.accounts import authenticators
from idp.app import create_app
from idp.configuration import ConfigurationErrors
from idp.storage.errors import StorageUnavailable
from tests.clock import MovableClock
from tests.gateway.visiting import (
    ANSWER,
    AUTH,
    FORWARD,
    HEADERS,
    PAGE,
    PORTAL,
    SECRET,
    WARDS,
    Browser,
    carried,
    guarding,
)
from tests.provider import ISSUER, Provider, Someone

PROGRAM = {"Accept": "application/json"}
SCRIPT = {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}
SOCKET = {"Accept": "text/html", "Upgrade": "websocket", "Sec-Fetch-Mode": "websocket"}
OLD_SCRIPT = {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}


@pytest.mark.parametrize("path", ["/static", "/static/", "/static/app.css?v=1", "/static//x"])
@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_a_public_page_is_open_to_all_and_names_nobody(
    browser: Browser, doctor: Someone, path: str, endpoint: str
) -> None:
    for _ in ("before", "signed in"):
        for headers in (PAGE, PROGRAM):
            answer = browser.ask(path, endpoint, headers=headers, method="POST")
            assert answer.status_code == 204
            assert {name: answer.headers[name] for name in HEADERS} == dict.fromkeys(HEADERS, "")
            assert "Set-Cookie" not in answer.headers
        browser.open("/")
        if not browser.visit.left_for:
            browser.visit.identify(doctor)
            browser.visit.enter_code(doctor)
            browser.back()


@pytest.mark.parametrize(
    "headers", [PROGRAM, SCRIPT, SOCKET, OLD_SCRIPT, {}], ids=["json", "fetch", "ws", "xhr", "none"]
)
@pytest.mark.parametrize("endpoint", [FORWARD, ANSWER])
def test_what_is_no_page_gets_401_and_json(
    browser: Browser, headers: Mapping[str, str], endpoint: str
) -> None:
    answer = browser.ask("/api", endpoint, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="portail.test"'
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.data)["status"] == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("endpoint", [FORWARD, ANSWER])
def test_a_page_leads_to_the_sign_in(browser: Browser, method: str, endpoint: str) -> None:
    for headers in (PAGE, {"Accept": "text/html"}):
        answer = browser.ask("/", endpoint, method=method, headers=headers)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(f"{ISSUER}/oauth2/authorize?")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "get", ""])
def test_a_form_sent_too_late_gets_a_page_and_the_way_to_sign_in(browser: Browser, method: str) -> None:
    answer = browser.ask("/form", method=method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="portail.test"'
    assert 'href="/_gateway/login?iss=https%3A%2F%2Fidp.test"' in answer.text


@pytest.mark.parametrize("headers", [PAGE, PROGRAM])
def test_nginx_is_told_a_status_alone(browser: Browser, headers: Mapping[str, str]) -> None:
    for path, origin, status in (("/", PORTAL, 401), ("/", WARDS, 403), ("/a/../b", PORTAL, 403)):
        answer = browser.ask(path, AUTH, origin, headers=headers)
        assert (answer.status_code, answer.data) == (status, b"")
        assert "Set-Cookie" not in answer.headers
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_who_is_signed_in_passes_whatever_they_send(browser: Browser, doctor: Someone, endpoint: str) -> None:
    browser.sign_in(doctor)
    for method in ("GET", "POST", "DELETE"):
        for headers in (PAGE, PROGRAM, SOCKET):
            answer = browser.ask("/any/thing", endpoint, method=method, headers=headers)
            assert (answer.status_code, answer.data) == (204, b"")
            assert set(HEADERS) <= set(answer.headers.keys())
            assert "Set-Cookie" not in answer.headers


def test_who_may_pass_meanwhile_is_asked_to_try_again_never_let_through(
    browser: Browser, doctor: Someone
) -> None:
    browser.sign_in(doctor)
    for path in ("/", "/static/x"):
        answer = browser.ask(path, ANSWER)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert not set(HEADERS) & set(answer.headers.keys())


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/other", WARDS),
        ("/wards", WARDS),
        ("/", "https://unknown.test"),
        ("/", "http://portail.test"),
        ("/", "https://portail.test:8443"),
        ("/", ISSUER),
        ("/_gateway/callback", PORTAL),
        ("/_GATEWAY/logout", PORTAL),
    ],
)
def test_what_no_rule_opens_is_refused_to_everybody(
    browser: Browser, doctor: Someone, path: str, origin: str
) -> None:
    browser.sign_in(doctor)
    browser.jars[origin] = browser.jars[PORTAL]
    for endpoint in (FORWARD, AUTH, ANSWER):
        for headers in (PAGE, PROGRAM):
            assert browser.ask(path, endpoint, origin, headers=headers).status_code == 403


@pytest.mark.attack(42)
@pytest.mark.attack(43)
@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/static/../compte", PORTAL),
        ("/static/%2e%2e/compte", PORTAL),
        ("/static/..%2fcompte", PORTAL),
        ("/static;x/../compte", PORTAL),
        ("/STATIC/x", PORTAL),
        ("/compte.json", PORTAL),
        ("//static/compte", PORTAL),
        ("//x/compte", PORTAL),
        ("https://portail.test/static", PORTAL),
        ("", PORTAL),
        ("/static", "https://portail.test."),
        ("/static", "https://me@portail.test"),
        ("/static", "ftp://portail.test"),
        ("/static", "https://portail.test, wards.test"),
    ],
)
def test_an_address_of_several_readings_never_passes(
    browser: Browser, doctor: Someone, path: str, origin: str
) -> None:
    browser.sign_in(doctor)
    browser.jars[origin] = browser.jars[PORTAL]
    for endpoint, status in ((FORWARD, 400), (AUTH, 403), (ANSWER, 400)):
        for headers in (PAGE, PROGRAM):
            assert browser.ask(path, endpoint, origin, headers=headers).status_code == status


@pytest.mark.attack(42)
def test_nothing_but_the_real_path_is_judged(browser: Browser) -> None:
    """A query, a header of another proxy or another target that names a public page opens nothing."""
    for path in ("/compte?/static", "/compte?next=/static/../static", "/compte//static"):
        assert browser.ask(path, headers=PROGRAM).status_code == 401
    for name in (
        "X-Original-Url",
        "X-Rewrite-Url",
        "X-Original-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
    ):
        assert browser.ask("/compte", headers={**PROGRAM, name: "/static/x"}).status_code == 401
    assert browser.ask("/compte", f"{FORWARD}?path=/static&rd=/static", headers=PROGRAM).status_code == 401


@pytest.mark.attack(43)
@pytest.mark.parametrize("host", ["PORTAIL.Test", "portail.test:443"])
def test_the_same_host_is_the_same_host(browser: Browser, doctor: Someone, host: str) -> None:
    browser.sign_in(doctor)
    answer = browser.ask("/", X_Forwarded_Host=host)
    assert answer.status_code == 204


@pytest.mark.attack(45)
@pytest.mark.parametrize("host", ["evil.test", "portail.test.evil.test", "evil.test:443", "idp.test"])
def test_no_host_that_somebody_names_changes_an_address_of_ours(
    gate: Provider, browser: Browser, host: str
) -> None:
    told = {**PAGE, "Host": host, "X-Forwarded-Server": host, "Forwarded": f"host={host}"}
    answer = browser.ask("/", headers=told)
    assert answer.headers["Location"].startswith(f"{ISSUER}/oauth2/authorize?")
    assert host not in answer.headers["Location"].replace("idp.test", "") or host == "idp.test"
    assert browser.ask("/", headers={**told, "X-Forwarded-Host": host}).status_code == 403
    discovery = gate.http().get(
        "/.well-known/openid-configuration", headers={"Host": host, "X-Forwarded-Host": host}
    )
    assert json.loads(discovery.data)["issuer"] == ISSUER
    assert "evil" not in discovery.text


@pytest.mark.attack(46)
@pytest.mark.parametrize(
    "secret", [None, "", "wrong", SECRET[:-1], SECRET.upper(), f"{SECRET} ", f"{SECRET},{SECRET}", "é"]
)
def test_whoever_is_no_proxy_of_ours_finds_nothing(
    browser: Browser, doctor: Someone, secret: str | None
) -> None:
    browser.sign_in(doctor)
    nothing = browser.http.get("/gateway/no-such-address", headers=PAGE, base_url="http://127.0.0.1:8000")
    told = {**PAGE, "Gateway-Secret": "" if secret is None else secret}
    for path in (FORWARD, AUTH, ANSWER, "/_gateway/callback", "/_gateway/logout", "/_gateway/static/idp.css"):
        answer = browser.ask("/static/x", path, headers=told)
        assert (answer.status_code, answer.text) == (404, nothing.text)


@pytest.mark.attack(40)
@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_a_cookie_that_is_not_quite_right_opens_nothing(
    browser: Browser, doctor: Someone, endpoint: str
) -> None:
    browser.sign_in(doctor)
    right = browser.jars[PORTAL]["__Host-gateway"]
    for wrong in (
        "",
        right[:-1],
        right + "a",
        right.swapcase(),
        f'"{right[:20]}',
        right + "\x7f",
        "a" * 7000,
        "%00",
        "=;=",
    ):
        browser.jars[PORTAL] = {"__Host-gateway": wrong}
        assert browser.ask("/", endpoint, headers=PROGRAM).status_code == 401, wrong
    for cookie in (
        "__Host-gateway",
        f"__Host-gateway{right}",
        f"gateway={right}",
        f"__host-gateway={right}",
        ";" * 4000,
    ):
        assert browser.ask("/", endpoint, headers={**PROGRAM, "Cookie": cookie}).status_code == 401, cookie


@pytest.mark.attack(40)
def test_the_session_of_one_host_is_none_on_another(browser: Browser, doctor: Someone) -> None:
    browser.sign_in(doctor)
    browser.jars[WARDS] = carried(browser.jars[PORTAL], WARDS)
    assert browser.ask("/ward", origin=WARDS, headers=PROGRAM).status_code == 401


@pytest.mark.attack(40)
@pytest.mark.parametrize("broken", ["ephemeral", "database"])
def test_when_a_store_is_gone_nobody_passes(
    gate: Provider, browser: Browser, doctor: Someone, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in(doctor)

    def gone(*_anything: object) -> None:
        raise StorageUnavailable

    if broken == "ephemeral":
        monkeypatch.setattr(gate.parts.ephemeral, "get", gone)
    else:
        gate.clock.advance(seconds=gate.settings.revocation_lag)
        monkeypatch.setattr(gate.parts.database, "read", gone)
    for endpoint in (FORWARD, AUTH, ANSWER):
        for headers in (PAGE, PROGRAM):
            answer = browser.ask("/", endpoint, headers=headers)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "5"
            assert not set(HEADERS) & set(answer.headers.keys())
    assert browser.ask("/static/x").status_code == 204


@pytest.mark.attack(63)
@pytest.mark.parametrize("endpoint", [FORWARD, AUTH])
def test_a_rule_that_refuses_assistants_refuses_them(
    browser: Browser, assistant: Someone, endpoint: str
) -> None:
    browser.sign_in(assistant)
    answer = browser.ask("/in-person", endpoint)
    assert answer.status_code == 403
    assert not set(HEADERS) & set(answer.headers.keys())
    assert browser.ask("/", endpoint).status_code == 204


@pytest.mark.attack(63)
def test_where_the_file_refuses_assistants_none_gets_in(
    gate: Provider, browser: Browser, assistant: Someone
) -> None:
    browser.sign_in(assistant)
    browser.open("/ward", WARDS)
    assert browser.visit.step == "refused"
    assert browser.ask("/ward", origin=WARDS, headers=PROGRAM).status_code == 401


def test_a_refusal_is_a_page_with_a_way_to_sign_out_or_json(browser: Browser, insured: Someone) -> None:
    browser.sign_in(insured)
    for endpoint in (FORWARD, ANSWER):
        page = browser.ask("/doctors", endpoint, method="POST")
        assert (page.status_code, page.mimetype) == (403, "text/html")
        assert 'data-error="profile_refused"' in page.text
        assert 'href="/_gateway/logout"' in page.text
        assert "/_gateway/static/idp.css?" in page.text
        assert '"/static/' not in page.text
        program = browser.ask("/doctors", endpoint, headers=PROGRAM)
        assert (program.status_code, program.content_type) == (403, "application/problem+json")
        assert json.loads(program.data)["code"] == "profile_refused"


def test_the_look_of_its_pages_comes_from_the_guarded_host(browser: Browser) -> None:
    style = browser.own(f"{PORTAL}/_gateway/static/idp.css")
    assert (style.status_code, style.mimetype) == (200, "text/css")
    assert browser.own(f"{PORTAL}/_gateway/static/none.css").status_code == 404


def test_a_refusal_is_audited_once_for_each_session_and_rule(
    gate: Provider, browser: Browser, doctor: Someone, assistant: Someone
) -> None:
    before = len(gate.audited("gateway.refused"))
    browser.sign_in(assistant)
    for endpoint in (AUTH, ANSWER, FORWARD):
        for path in ("/in-person", "/in-person/deep"):
            browser.ask(path, endpoint)
    [line] = gate.audited("gateway.refused")[before:]
    assert line["detail"] == {"why": "assistant_refused", "host": "portail.test", "rule": "/in-person"}
    assert line["client_id"] == "old-portal"
    assert line["actor_id"] is not None
    for path in ("/doctors", "/other", "/a/../b", "/"):
        browser.ask(path, origin=PORTAL)
    assert len(gate.audited("gateway.refused")) == before + 1
    gate.clock.advance(seconds=30)
    again = Browser(gate)
    again.sign_in(assistant)
    again.ask("/in-person")
    assert len(gate.audited("gateway.refused")) == before + 2


def test_a_line_that_could_not_be_written_is_written_the_next_time(
    gate: Provider, browser: Browser, assistant: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in(assistant)
    before = len(gate.audited("gateway.refused"))

    def gone() -> None:
        raise StorageUnavailable

    with monkeypatch.context() as failing:
        failing.setattr(gate.parts.database, "write", gone)
        assert browser.ask("/in-person").status_code == 503
    assert browser.ask("/in-person").status_code == 403
    assert len(gate.audited("gateway.refused")) == before + 1


@pytest.mark.attack(52)
def test_what_this_process_ends_is_over_at_once(
    gate: Provider, browser: Browser, doctor: Someone, assistant: Someone
) -> None:
    browser.sign_in(assistant)
    gate.remove_assistant(doctor, assistant.name)
    assert browser.ask("/", headers=PROGRAM).status_code == 401
    assert browser.ask("/static/x").headers["Remote-User"] == ""


@pytest.mark.attack(54)
def test_a_disabled_account_is_out(gate: Provider, browser: Browser, newcomer: Someone) -> None:
    browser.sign_in(newcomer)
    gate.disable(newcomer)
    assert browser.ask("/", headers=PROGRAM).status_code == 401


@pytest.mark.attack(12)
def test_a_password_alone_no_longer_does_once_a_phone_is_there(
    gate: Provider, browser: Browser, newcomer: Someone
) -> None:
    browser.sign_in(newcomer)
    secret = gate.parts.plugins.possession.new_secret()
    with gate.parts.database.write() as connection:
        account_id = gate.account_id(connection, newcomer)
        authenticators.activate(connection, gate.parts.keyring, account_id, secret, None, gate.clock.now())
    answer = browser.ask("/", headers=PROGRAM)
    assert answer.status_code == 401


def test_a_session_ends_unused_or_after_its_time_as_single_sign_on_does(
    tmp_path: Path, clock: MovableClock
) -> None:
    profiles: dict[str, Any] = {
        "health_professional": {
            "label": "P",
            "mfa": "optional",
            "session_idle": 600,
            "session_absolute": 1800,
        },
    }
    gate = guarding(tmp_path, clock, profiles=profiles)
    browser = Browser(gate)
    browser.sign_in(gate.add("408461", "MARTIN Paul"))
    passes = [204]
    for seconds in (599, 599, 599, 2, 1):
        clock.advance(seconds=seconds)
        passes.append(browser.ask("/", headers=PROGRAM).status_code)
    assert passes == [204, 204, 204, 204, 204, 401]
    browser = Browser(gate)
    browser.sign_in(gate.add("408462", "MARTIN Paule"))
    clock.advance(seconds=600)
    assert browser.ask("/", headers=PROGRAM).status_code == 401
    gate.parts.database.dispose()


def test_a_service_whose_file_goes_lets_nobody_in(tmp_path: Path, clock: MovableClock) -> None:
    gate = guarding(tmp_path, clock)
    browser = Browser(gate)
    browser.sign_in(gate.add("408461", "MARTIN Paul"))
    file = tmp_path / "services" / "old-portal.yaml"
    file.write_text(file.read_text().replace("old-portal", "new-portal"))
    file.rename(file.with_name("new-portal.yaml"))
    again = create_app(gate.settings, None)
    other = Browser(gate, again.test_client(use_cookies=False))
    other.jars = browser.jars
    assert other.ask("/", headers=PROGRAM).status_code == 401
    gate.parts.database.dispose()


def test_without_a_file_of_secrets_nobody_is_answered(tmp_path: Path, clock: MovableClock) -> None:
    quiet = guarding(tmp_path, clock, gateway={})
    for secret in ("", SECRET):
        assert Browser(quiet).ask("/static/x", headers={"Gateway-Secret": secret}).status_code == 404
    quiet.parts.database.dispose()


@pytest.mark.parametrize(
    "content", [None, "", "short\n", f"{SECRET}\n" * 3, f"{SECRET} {SECRET}\n", f"{SECRET}é\n"]
)
def test_a_file_of_secrets_that_protects_nothing_is_refused(
    tmp_path: Path, clock: MovableClock, content: str | None
) -> None:
    gate = guarding(tmp_path, clock)
    proxies = tmp_path / "proxies"
    proxies.unlink()
    if content is not None:
        proxies.write_text(content)
    with pytest.raises(
        ConfigurationErrors, match=r"gateway\.proxy_secret_file: a readable file of one secret"
    ):
        create_app(gate.settings, gate.parts)
    gate.parts.database.dispose()


def test_two_secrets_count_while_they_change(tmp_path: Path, clock: MovableClock) -> None:
    gate = guarding(tmp_path, clock)
    new = secrets.token_urlsafe(32)
    (tmp_path / "proxies").write_text(f"{new}\n{SECRET}\n")
    gate.app = create_app(gate.settings, gate.parts)
    for secret in (new, SECRET):
        assert Browser(gate).ask("/static/x", headers={"Gateway-Secret": secret}).status_code == 204
    gate.parts.database.dispose()
