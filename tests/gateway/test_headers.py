"""The gateway's answers keep others out as every answer of the provider does, on the guarded hosts too."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from idp.gateway.views import ANSWER, AUTH_REQUEST, FORWARD_AUTH
from tests.gateway.visiting import PAGE, PORTAL, WARDS, Browser
from tests.provider import Provider, Someone
from tests.test_every_route import Inline

PROGRAM = {"Accept": "application/json"}
OWN = tuple(f"/_gateway/{name}" for name in ("callback", "login", "logout", "signed-out", "static/none.css"))


@pytest.mark.attack(25)
@pytest.mark.attack(28)
def test_every_answer_has_the_headers_and_cookies_that_keep_others_out(
    gate: Provider, browser: Browser, assistant: Someone
) -> None:
    seen = set()
    for _ in ("nobody", "assistant"):
        for endpoint in (FORWARD_AUTH, AUTH_REQUEST, ANSWER, *OWN):
            for path in ("/", "/static/x", "/in-person", "/compte", "/a/../b"):
                for origin in (PORTAL, WARDS, "https://unknown.test", "ftp://x"):
                    for headers in (PAGE, PROGRAM):
                        answer = browser.ask(path, endpoint, origin, headers=headers)
                        seen.add(answer.status_code)
                        _check(answer.headers, answer.text, f"{endpoint} {origin}{path}")
        if browser.visit.left_for is None:
            browser.jars.clear()
            browser.sign_in(assistant)
    assert seen == {200, 204, 302, 400, 401, 403, 404, 503}


def _check(headers: Headers, text: str, at: str) -> None:
    found = dict(headers)
    policy = found["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy), at
    assert found["X-Content-Type-Options"] == "nosniff", at
    assert found["Cache-Control"] == "no-store", at
    assert found["Strict-Transport-Security"] == "max-age=63072000", at
    assert found["Referrer-Policy"] == "same-origin", at
    assert not {"Server", "X-Powered-By", "Access-Control-Allow-Origin"} & found.keys(), at
    cookie = found.get("Set-Cookie", "__Host-; Secure; HttpOnly; Path=/; SameSite=Lax")
    assert cookie.startswith("__Host-"), at
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")), at
    assert "Domain" not in cookie, at
    if text.startswith("<!doctype"):
        loaded = [one for one in Inline(text).found if "/_gateway/static/" not in one]
        assert loaded == [], at
