"""A service behind the gateway: whether its proxy asks, whatever a visitor says of themselves."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, quote, urlsplit

from requests import Response

from idp.clients.gateway import PathRule
from idp.commands.trying.calling import AGENT, NotAnswered
from idp.commands.trying.finding import Finding, right, unknown, wrong
from idp.commands.trying.trial import Running, Trial
from idp.demo.browser import read_page

_ABOUT = "gateway"
_PAGE = {"Accept": "text/html"}
_ASK = (
    "Include the configuration of config/gateway for this host: auth_request in nginx, forward_auth in Caddy"
)
_STRIP = "The proxy must set every identity header itself, empty ones too, as config/gateway does"
_SPOOFED = (
    "Remote-User",
    "Remote_User",
    "Remote-Name",
    "Remote-Login",
    "Remote-Acr",
    "Remote-Actor",
    "Remote-Assertion",
)
_NO_RULE = "no_rule"
"""What the gateway calls its refusal, on the page and in the JSON, of what no rule opens."""


def guarded(trial: Trial, running: Running) -> Iterator[Finding]:
    """Yield what each host of the file does with a visitor who has no session."""
    for origin, rules in (trial.client.gateway or {}).items():
        trial.tell(f"opening {origin} as a visitor without session")
        try:
            yield from _host(trial, running, origin, rules)
        except NotAnswered as error:
            yield wrong(
                _ABOUT,
                f"{origin} cannot be reached: {error}",
                "Start the proxy, or correct the host in the file",
            )


def _host(trial: Trial, running: Running, origin: str, rules: Mapping[str, PathRule]) -> Iterator[Finding]:
    closed = next((path for path, rule in rules.items() if not rule.is_public), None)
    public = next((path for path, rule in rules.items() if rule.is_public), None)
    asks = True
    if closed is not None:
        first = _page(trial, running, origin, closed)
        yield first
        asks = first.level == "right"
        if asks:
            yield from _programs(trial, origin, closed)
            yield from _spoofed(trial, origin, closed, public)
    if public is not None:
        yield from _public(trial, running, origin, public)
    if "/" not in rules:
        yield _without_rule(trial, running, origin, asks=asks)


def _page(trial: Trial, running: Running, origin: str, path: str) -> Finding:
    answer = trial.caller.get(_address(origin, path), _PAGE)
    place, _, query = answer.headers.get("Location", "").partition("?")
    if _leads_to_sign_in(running, answer):
        asked = parse_qs(query)
        if (
            asked.get("client_id") == [trial.client.client_id]
            and asked.get("redirect_uri", [""])[0] in trial.client.redirect_uris
        ):
            return right(_ABOUT, f"{origin}{path} sends a visitor to the provider")
        says = f"{origin}{path} asks for a sign-in to {' '.join(asked.get('client_id', ['nobody']))}"
        return wrong(_ABOUT, says, "Another file has this host; `idp config check` says which")
    if answer.is_redirect and "client_id=" in query:
        return wrong(
            _ABOUT,
            f"{origin}{path} asks {place} for a sign-in",
            "The proxy asks another provider: correct its address there",
        )
    if answer.ok and not answer.is_redirect:
        return wrong(
            _ABOUT,
            f"{origin}{path} is shown to everybody ({answer.status_code}): the proxy asks nobody",
            _ASK,
        )
    todo = {
        403: "Do host and path stand in the file as the visitor writes them? Does the provider run with this file?",
        404: "Does the proxy send the right Gateway-Secret (gateway.proxy_secret_file)? Without, the provider hides",
    }.get(
        answer.status_code,
        "Does the proxy reach the provider, with the right Gateway-Secret? Look into its log",
    )
    return wrong(
        _ABOUT, f"{origin}{path} answers a visitor {_said(answer)}, not a redirect to the provider", todo
    )


def _programs(trial: Trial, origin: str, path: str) -> Iterator[Finding]:
    answer = trial.caller.get(_address(origin, path), {"Accept": "application/json"})
    if answer.status_code == 401 and "bearer" in answer.headers.get("WWW-Authenticate", "").lower():
        yield right(_ABOUT, "a program without session gets 401")
    else:
        says = f"a program without session gets {_said(answer)}, not 401 with WWW-Authenticate: Bearer"
        yield wrong(
            _ABOUT,
            says,
            "The proxy must pass Accept on to the provider, and its answer back, as config/gateway does",
        )


def _spoofed(trial: Trial, origin: str, closed: str, public: str | None) -> Iterator[Finding]:
    """Try to be let in by one's own word: identity headers, and the headers by which proxies tell what was asked."""
    me = dict.fromkeys(_SPOOFED, AGENT)
    answer = trial.caller.get(_address(origin, closed), {**_PAGE, **me})
    if answer.ok and not answer.is_redirect:
        yield wrong(_ABOUT, "a visitor who sends Remote-User is let in", _STRIP)
    else:
        yield right(_ABOUT, "a visitor who sends Remote-User is not let in")
    if public is not None:
        told = {
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Proto": urlsplit(origin).scheme,
            "X-Forwarded-Host": urlsplit(origin).netloc,
            "X-Forwarded-Uri": quote(public),
        }
        answer = trial.caller.get(_address(origin, closed), {**_PAGE, **told})
        if answer.ok and not answer.is_redirect:
            yield wrong(
                _ABOUT,
                f"who sends X-Forwarded-Uri: {public} is let in elsewhere",
                "The proxy must overwrite the X-Forwarded headers",
            )
        else:
            yield right(_ABOUT, "who sends X-Forwarded-Uri is judged by the real path")


def _public(trial: Trial, running: Running, origin: str, path: str) -> Iterator[Finding]:
    """Look whether a public page is open, and whether it repeats an identity that the visitor made up."""
    mark = secrets.token_hex(12)
    answer = trial.caller.get(_address(origin, path), {**_PAGE, **dict.fromkeys(_SPOOFED, mark)})
    if mark in answer.text:
        yield wrong(_ABOUT, f"{origin}{path} repeats the Remote-User that its visitor sent", _STRIP)
    closed = answer.status_code in (401, 403) or _leads_to_sign_in(running, answer)
    if closed or answer.status_code >= 500:
        says = f"{origin}{path} is public in the file and answers {_said(answer)}"
        yield wrong(
            _ABOUT, says, "Does the running provider have this file? Does the proxy reach the service?"
        )
    elif answer.status_code == 404:
        says = f"whether {origin}{path} is open to everybody was not seen: nothing is there (404)"
        yield unknown(_ABOUT, says, "Open a page below it in a browser that is not signed in")
    else:
        yield right(_ABOUT, f"{origin}{path} is open to everybody, as the file says")


def _without_rule(trial: Trial, running: Running, origin: str, *, asks: bool) -> Finding:
    """Look whether a path without rule is refused by the gateway itself; ``asks``: whether the proxy asks it elsewhere.

    A service's own 404 is no refusal: its other pages without rule would be shown.
    """
    address = f"{origin}/{AGENT}"
    answer = trial.caller.get(address, _PAGE)
    if answer.status_code == 403 and _NO_RULE in (_page_error(answer), _problem_code(answer)):
        return right(_ABOUT, f"a path of {origin} without rule is refused")
    if answer.ok and not answer.is_redirect:
        says = f"{address} has no rule and is answered {answer.status_code} all the same"
        return wrong(_ABOUT, says, _ASK)
    if _leads_to_sign_in(running, answer):
        says = f"{address} has no rule and leads to a sign-in all the same"
        return wrong(_ABOUT, says, "Does the running provider have this file? `idp config check` there")
    if not asks or answer.status_code == 403 or answer.status_code >= 500:
        says = f"whether the gateway refuses what has no rule was not seen: {address} answers {_said(answer)}"
        return unknown(_ABOUT, says, "It should answer 403 with the gateway's own page")
    says = f"{address} has no rule and is answered {_said(answer)}, not by the gateway: nobody is asked there"
    return wrong(_ABOUT, says, _ASK)


def _leads_to_sign_in(running: Running, answer: Response) -> bool:
    place = answer.headers.get("Location", "").partition("?")[0]
    return answer.is_redirect and place == running.authorization_endpoint


def _page_error(answer: Response) -> str | None:
    return read_page(answer.url, answer.status_code, answer.text).error


def _problem_code(answer: Response) -> object:
    try:
        return answer.json()["code"]
    except (ValueError, KeyError, TypeError):
        return None


def _address(origin: str, path: str) -> str:
    return f"{origin}{quote(path)}"


def _said(answer: Response) -> str:
    return f"{answer.status_code}{' to ' + answer.headers['Location'].partition('?')[0] if answer.is_redirect else ''}"
