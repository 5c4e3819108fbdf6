"""Headers, cookies and forms of every address: the map is walked, so that a new address cannot be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.storage.schema import delegation
from tests.clock import MovableClock
from tests.journeys.story import audit_lines
from tests.provider import ISSUER, Provider, Someone

PROTOCOL = frozenset(
    {
        *("/oauth2/authorize", "/oauth2/token", "/oauth2/userinfo"),
        *("/oauth2/introspect", "/oauth2/revoke", "/logout"),
        "/api/v1/enrolments",
    }
)
"""Addresses that other sites post to: each guards itself, see ``tests/protocol`` and ``tests/profile_api``."""

CACHEABLE = frozenset(
    {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks"}
)
BARE = CACHEABLE | {"/healthz", "/readyz", "/static/idp.css"}
"""Addresses that programs ask all the time: no browser is known by them."""

ELSEWHERE = ("//evil.test", "https://evil.test/", "/\\evil.test")
FORGED = "<h1>Ce formulaire"
SIGNING_OUT = ("/switch", "/confirm")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
LIVE = "the-transaction"
"""Stands for the id of the sign-in that the browser is in the middle of."""
WHO = ("nobody", "password", "doctor", "assistant")


class Inline(HTMLParser):
    """Collects what the policy of content forbids, and what is loaded from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_script = tag == "script"
        if tag in ("style", "base", "iframe", "object", "embed") or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in given:
            self.found.append("<meta http-equiv>")
        self.found += [f"{name}=" for name in given if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action", "formaction"):
            if given.get(name, "").strip().lower().startswith(("javascript:", "data:", "vbscript:")):
                self.found.append(f"{name}={given[name]}")
        if tag in ("script", "link", "img"):
            loaded = given.get("src" if tag != "link" else "href", "")
            if not loaded.startswith("/static/"):
                self.found.append(f"<{tag}> loads {loaded}")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.found.append("text in <script>")


@pytest.fixture
def people(provider: Provider) -> dict[str, Someone | None]:
    """Give one person of each kind who may come."""
    doctor = provider.add("408461", "DURAND Alice", mfa=True)
    return {
        "nobody": None,
        "password": provider.add("408462", "MARTIN Paul"),
        "doctor": doctor,
        "assistant": provider.add_assistant(doctor, "NAUDIN Fernand"),
    }


class Caller:
    """A browser in which somebody is signed in, in the middle of another sign-in."""

    def __init__(self, provider: Provider, who: Someone | None) -> None:
        self.visit = provider.browser()
        if who is not None:
            provider.clock.advance(seconds=30)
            self.visit.sign_in(who)
        self.visit.authorize("open", prompt="login")
        assert self.visit.step == "identification"
        self.form = self.visit.page.forms[0].fields
        self._transaction = self.visit.page.url.split("/")[2]

    def ask(
        self,
        path: str,
        method: str,
        data: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Call an address of :func:`_addresses` as a page of the provider would."""
        return self.visit.client.open(
            path.replace(LIVE, self._transaction),
            method=method,
            data=data,
            query_string=query,
            base_url=ISSUER,
            headers={"Referer": f"{ISSUER}/"},
        )


def _addresses(provider: Provider) -> dict[str, Collection[str]]:
    """Return the methods of every address; its variable parts name something that exists where we know one."""
    with provider.parts.database.read() as connection:
        one = connection.execute(select(delegation.c.id)).scalar_one()
    known = {"transaction_id": LIVE, "delegation_id": one}
    urls = provider.app.url_map.bind("idp.test", url_scheme="https")
    paths = ["/nothing/here"]
    for rule in provider.app.url_map.iter_rules():
        exists = {**known, "name": "idp.css"} if rule.endpoint == "static" else known
        names = rule.arguments - set(rule.defaults or {})
        paths.append(urls.build(rule.endpoint, {name: exists.get(name, "none") for name in names}))
    # Several rules may share a path, or fit it.
    return {path: frozenset(urls.allowed_methods(path)) for path in paths}


def _check(path: str, method: str, answer: TestResponse) -> None:
    """Assert what holds for every answer of the provider, whoever asked what."""
    at = f"{method} {path} → {answer.status_code}"
    assert answer.status_code < 500, at
    headers = answer.headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy), at
    assert "unsafe" not in headers["Content-Security-Policy"], at
    assert "*" not in headers["Content-Security-Policy"], at
    assert headers["X-Content-Type-Options"] == "nosniff", at
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer"), at
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", at
    assert "camera=()" in headers["Permissions-Policy"], at
    assert headers["Strict-Transport-Security"].startswith("max-age="), at
    assert "Server" not in headers, at
    assert "X-Powered-By" not in headers, at
    kept = path in CACHEABLE or path.startswith("/static/")
    if kept and method in ("GET", "HEAD") and answer.status_code < 400:
        assert "no-store" not in headers["Cache-Control"], at
    else:
        assert headers["Cache-Control"] == "no-store", at
    _check_cookies(at, answer)
    if answer.mimetype == "text/html" and method != "HEAD" and answer.text:
        assert Inline(answer.text).found == [], at
        if not 300 <= answer.status_code < 400:
            assert any(directive.startswith("form-action 'self'") for directive in policy), at
    if "Location" in headers:
        target = urlsplit(headers["Location"])
        assert (target.scheme, target.netloc) in (("", ""), ("https", "idp.test")), at
        assert headers["Location"].startswith(("/", ISSUER)), at
        assert "\\" not in headers["Location"], at


def _check_cookies(at: str, answer: TestResponse) -> None:
    for line in answer.headers.getlist("Set-Cookie"):
        [(name, cookie)] = SimpleCookie(line).items()
        assert name.startswith("__Host-"), at
        assert cookie["secure"], at
        assert cookie["httponly"], at
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", ""), at


@pytest.mark.attack(25)
@pytest.mark.attack(28)
@pytest.mark.parametrize("who", WHO)
def test_every_answer_has_the_headers_and_cookies_that_keep_others_out(
    provider: Provider, people: dict[str, Someone | None], who: str
) -> None:
    caller = Caller(provider, people[who])
    pages = 0
    for path, methods in _addresses(provider).items():
        for method in ("GET", "HEAD", "OPTIONS", *UNSAFE, "TRACE"):
            answer = caller.ask(path, method)
            _check(path, method, answer)
            if method not in methods:
                assert answer.status_code in (404, 405), f"{method} {path}"
            pages += answer.mimetype == "text/html" and answer.status_code == 200
    assert pages >= 8


@pytest.mark.parametrize("who", WHO)
def test_nothing_changes_by_a_form_without_its_token(
    provider: Provider, people: dict[str, Someone | None], who: str
) -> None:
    caller = Caller(provider, people[who])
    before = audit_lines(provider)
    forms = 0
    for path, methods in _addresses(provider).items():
        if "POST" not in methods or path in PROTOCOL:
            continue
        forms += 1
        for token in ({}, {"csrf_token": "x"}, {"csrf_token": ""}):
            answer = caller.ask(path, "POST", {**caller.form, **token} if token else None)
            assert answer.status_code == 400, path
            assert FORGED in answer.text, path
    assert forms >= 8
    assert audit_lines(provider) == before
    caller.visit.authorize("open", prompt="none")
    assert ("code" in caller.visit.answer) == (who != "nobody")


@pytest.mark.attack(25)
@pytest.mark.attack(28)
@pytest.mark.parametrize("who", WHO)
def test_every_form_that_is_taken_answers_with_them_too(
    provider: Provider, people: dict[str, Someone | None], who: str
) -> None:
    for path, methods in _addresses(provider).items():
        if "POST" not in methods or path in PROTOCOL:
            continue
        # A form may sign somebody out: each has a browser of its own.
        caller = Caller(provider, people[who])
        answer = caller.ask(path, "POST", caller.form)
        _check(path, "POST", answer)
        assert FORGED not in answer.text, path


@pytest.mark.attack(26)
@pytest.mark.parametrize("who", WHO)
def test_no_address_leads_away_whatever_it_is_told(
    provider: Provider, people: dict[str, Someone | None], who: str
) -> None:
    caller = Caller(provider, people[who])
    names = ("next", "path", "url", "return_to", "redirect_uri", "post_logout_redirect_uri", "back")
    for path, methods in _addresses(provider).items():
        for evil in ELSEWHERE:
            told = dict.fromkeys(names, evil)
            _check(path, "GET", caller.ask(path, "GET", query=told))
            if "POST" in methods and not path.endswith(SIGNING_OUT):
                _check(path, "POST", caller.ask(path, "POST", {**caller.form, **told}))


@pytest.mark.parametrize("who", WHO)
def test_programs_that_ask_all_the_time_are_given_no_cookie(
    provider: Provider, people: dict[str, Someone | None], who: str
) -> None:
    caller = Caller(provider, people[who])
    for path in sorted(BARE):
        for method in ("GET", "HEAD", "OPTIONS"):
            for client in (caller.visit.client, provider.http()):
                answer = client.open(path, method=method, base_url=ISSUER)
                assert answer.status_code == 200
                assert "Set-Cookie" not in answer.headers, f"{method} {path}"
                assert "Cookie" not in answer.headers.get("Vary", ""), f"{method} {path}"


@pytest.fixture
def over_http(tmp_path: Path, clock: MovableClock) -> Iterator[Provider]:
    """Give the provider as the demo runs it: over http on loopback."""
    whole = Provider(tmp_path, clock, issuer="http://127.0.0.1:8000")
    yield whole
    whole.parts.database.dispose()


def test_over_http_nothing_promises_https(over_http: Provider) -> None:
    client = over_http.app.test_client()
    over_http.add_assistant(over_http.add("408461", "DURAND Alice"), "NAUDIN Fernand")
    cookies = set()
    for path in ("/", "/register", "/profile", "/static/idp.css", "/healthz", "/readyz", "/nothing"):
        answer = client.get(path, base_url="http://127.0.0.1:8000", follow_redirects=True)
        assert "Strict-Transport-Security" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        for line in answer.headers.getlist("Set-Cookie"):
            [(name, cookie)] = SimpleCookie(line).items()
            cookies.add(name)
            assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == ("", True, "Lax")
    assert cookies == {"idp_browser"}
