"""Last station, if somebody's account is given: they sign in, up to what the service shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

from requests.exceptions import RequestException, TooManyRedirects

from idp.commands.trying.addresses import at_runtime
from idp.commands.trying.calling import why
from idp.commands.trying.finding import Finding, advice, right, unknown, wrong
from idp.commands.trying.start import ServiceBrowser
from idp.commands.trying.trial import Running, Trial
from idp.demo.browser import Page
from idp.oidc.authorization.redirects import registered

_ABOUT = "sign-in"
_MOST_PAGES = 4
"""Behind the code: consent, recovery codes, an answer by form; then something is going round in circles."""
_MOST_TEXT = 300
_ADMITS = "Does the file admit this account (profiles, floor, assistants)?"


@dataclass(frozen=True)
class Person:
    """Who signs in. Both secrets are asked for when a page wants them, so that none is typed in vain."""

    identifier: str
    password: Callable[[], str]
    code: Callable[[], str]


def signed_in(
    trial: Trial, running: Running, browser: ServiceBrowser, request: str, person: Person
) -> Iterator[Finding]:
    """Yield how far the person came; ``browser`` halts before ``request``, which the service made for it.

    At the end they are signed out again at the provider.
    """
    browser.halting = False
    trial.tell(f"signing in as {person.identifier}")
    yield from _walked(trial, running, browser, request, person)
    yield from _signed_out(trial, running, browser)


def _walked(
    trial: Trial, running: Running, browser: ServiceBrowser, request: str, person: Person
) -> Iterator[Finding]:
    try:
        page = browser.get(request)
        page = _through(trial, running, browser, page, person)
    except TooManyRedirects:
        says = "service and provider send the person to and fro: the service keeps no session"
        yield wrong(
            _ABOUT,
            says,
            "Look at the service's cookie: Secure over http, SameSite=Strict, another host, too large",
        )
        return
    except RequestException as error:
        address, _, query = browser.hops[-1].partition("?")
        answers = [parse_qs(query)]
        if registered(trial.client, address) and (
            at_runtime(trial.client, address) or not address.startswith("http")
        ):
            yield _refused(answers) or unknown(
                _ABOUT, f"the answer went to {address}, where the application itself was not waiting for it"
            )
        else:
            yield wrong(_ABOUT, f"{address} cannot be reached: {why(error)}", "Look there")
        return
    except _Stopped as stopped:
        yield stopped.finding
        return
    yield from _arrived(running, browser, page)


class _Stopped(Exception):
    def __init__(self, says: str, todo: str) -> None:
        super().__init__(says)
        self.finding = wrong(_ABOUT, says, todo)


def _through(trial: Trial, running: Running, browser: ServiceBrowser, page: Page, person: Person) -> Page:
    """Return the first page that is the service's, or the provider's last word."""
    if not _at_provider(running, page):
        return page
    if "identifier" not in _fields(running, page):
        raise _Stopped(f"{_shown(page)}, and no identification", "Look at that page")
    page = browser.submit({"identifier": person.identifier, "password": person.password()})
    _stop_if_too_soon(running, page)
    if _at_provider(running, page) and "identifier" in _fields(running, page):
        raise _Stopped("identifier and password were refused", "Try them in a browser")
    if _at_provider(running, page) and page.secret is None and "code" in _fields(running, page):
        page = browser.submit({"code": person.code()})
        _stop_if_too_soon(running, page)
        if _at_provider(running, page) and "code" in _fields(running, page):
            raise _Stopped(
                "the code was refused", "A code opens once: take the next, and mind the clock of the phone"
            )
    for _ in range(_MOST_PAGES):
        if not _at_provider(running, page) or page.status >= 400:
            break
        if page.secret is not None:
            raise _Stopped(
                "this account has to activate double authentication first",
                "Do that in a browser, or take another account",
            )
        if not page.forms:
            break
        trial.tell(f"going on from {_name(page)}")
        page = browser.submit({})
    return page


def _arrived(running: Running, browser: ServiceBrowser, page: Page) -> Iterator[Finding]:
    if _at_provider(running, page):
        yield wrong(_ABOUT, _shown(page), _ADMITS)
        return
    refused = _refused([parse_qs(urlsplit(hop).query) for hop in browser.hops])
    if refused is not None:
        yield refused
        return
    if page.status >= 400:
        says = f"the service answers {page.status} at {page.url.partition('?')[0]}: {page.text[:120]!r}"
        yield wrong(
            _ABOUT, says, "Look into the service's log: secret, state, nonce, keys of the issuer, clock"
        )
    else:
        yield right(
            _ABOUT, f"the service shows {page.url.partition('?')[0]} ({page.status}): {page.text[:80]!r}"
        )


def _refused(answers: Sequence[Mapping[str, Sequence[str]]]) -> Finding | None:
    """Return the provider's refusal, if one of the addresses carries it to the service."""
    error = next((one["error"][0] for one in answers if "error" in one and "iss" in one), None)
    return None if error is None else wrong(_ABOUT, f"the provider answers {error}", _ADMITS)


def _signed_out(trial: Trial, running: Running, browser: ServiceBrowser) -> Iterator[Finding]:
    """End the session that the walk has begun, if it came so far, as the person does (RP-Initiated Logout 1.0 §2)."""
    trial.tell("signing out at the provider")
    todo = "End that session on the page Profil"
    try:
        page = browser.get(str(running.metadata["end_session_endpoint"]))
        if not page.forms:
            return
        page = browser.submit({})
    except (RequestException, KeyError) as error:
        reason = why(error) if isinstance(error, RequestException) else "discovery names no page for it"
        yield advice(_ABOUT, f"the person could not be signed out again: {reason}", todo)
        return
    if page.status == 200 and not page.forms:
        yield right(_ABOUT, "the person is signed out again at the provider")
    else:
        yield advice(_ABOUT, f"the person could not be signed out again: {_shown(page)}", todo)


def _stop_if_too_soon(running: Running, page: Page) -> None:
    """Tell an attempt that was not judged from one that was refused (RFC 6585 §4)."""
    if not _at_provider(running, page) or page.status not in (429, 503):
        return
    wait = "a while" if page.retry_after is None else f"{page.retry_after} s"
    if page.status == 429:
        raise _Stopped(
            f"too many attempts: this one was not looked at (429). The next one counts in {wait}",
            f"Wait {wait}; with the right password `idp accounts unlock` spares the wait",
        )
    raise _Stopped(
        f"the provider cannot serve now (503), and asks to wait {wait}", "Look into its log and /readyz"
    )


def _shown(page: Page) -> str:
    what = f": {page.error}" if page.error else ""
    return f"the provider ends at its page {_name(page)} ({page.status}{what}): {page.main[:_MOST_TEXT]!r}"


def _name(page: Page) -> str:
    """Return the last part of the path: what is before it names a sign-in under way."""
    return urlsplit(page.url).path.rpartition("/")[2]


def _at_provider(running: Running, page: Page) -> bool:
    return page.url.startswith(f"{running.issuer}/")


def _fields(running: Running, page: Page) -> set[str]:
    """Return what the provider itself asks for there; an answer by form has fields, too, for the service."""
    own = (form for form in page.forms if urljoin(page.url, form.action).startswith(f"{running.issuer}/"))
    return {name for form in own for name in form.fields}
