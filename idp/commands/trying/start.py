"""Third station: the service's own start page, and the request that it sends people to the provider with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from requests.exceptions import RequestException, TooManyRedirects

from idp.commands.trying.calling import NotAnswered, UnreadableRedirect, why
from idp.commands.trying.finding import Finding, advice, right, unknown, wrong
from idp.commands.trying.judging import Sent, judged
from idp.commands.trying.trial import Running, Trial
from idp.demo.browser import Browser, Page

_ABOUT = "start page"


class ServiceBrowser(Browser):
    """A visitor's browser that halts before the provider's authorization endpoint until it is let go on."""

    def __init__(self, trial: Trial, running: Running) -> None:
        super().__init__(session=trial.caller.session())
        self._endpoint = running.authorization_endpoint
        self.halting = True

    def stops_before(self, url: str) -> bool:
        """Say whether it is the authorization endpoint, while it halts there."""
        return self.halting and url.partition("?")[0] == self._endpoint

    def _follow(self, method: str, url: str, data: dict[str, str]) -> Page:
        try:
            return super()._follow(method, url, data)
        except RequestException:
            raise
        except ValueError as error:
            raise UnreadableRedirect from error


@dataclass
class Started:
    """How far the start page led."""

    browser: ServiceBrowser
    request: str | None = None
    """The address of the authorization request that the service made."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def may_go_on(self) -> bool:
        """Whether a person could sign in by this request."""
        return self.request is not None and all(one.level != "wrong" for one in self.findings)


def started(trial: Trial, running: Running, address: str | None) -> Started:
    """Return where the start page leads: ``address``, or the file's ``initiate_login_uri`` with the issuer."""
    made = Started(ServiceBrowser(trial, running))
    given = address or _initiated(trial)
    if given is None:
        if trial.client.redirect_uris:
            says = "the service's own request was not looked at: the file has no initiate_login_uri"
            made.findings.append(unknown(_ABOUT, says, "Name the page where a sign-in begins by --start"))
        return made
    trial.tell(f"opening the service's start page: {given}")
    made.findings += _opened(made, running, given)
    if made.request is not None:
        sent: Sent = parse_qs(urlsplit(made.request).query, keep_blank_values=True)
        offered = running.metadata.get("scopes_supported", [])
        made.findings += judged(trial.client, sent, offered)
        if made.may_go_on:
            made.findings += _taken(trial, running, made.request)
    return made


def _initiated(trial: Trial) -> str | None:
    """Return the address that the home page leads to (OpenID Connect Core §4)."""
    page = trial.client.initiate_login_uri
    return page and f"{page}{'&' if '?' in page else '?'}{urlencode({'iss': trial.issuer})}"


def _opened(made: Started, running: Running, address: str) -> Iterator[Finding]:
    browser = made.browser
    try:
        page = browser.get(address)
    except TooManyRedirects:
        yield wrong(_ABOUT, f"{address} redirects in a circle", "Look what the service sends on, and why")
        return
    except RequestException as error:
        yield from _elsewhere(browser, running) or [_not_answered(browser.hops[-1], why(error))]
        return
    if page.url.partition("?")[0] == running.authorization_endpoint:
        made.request = page.url
        yield right(_ABOUT, f"{address.partition('?')[0]} leads to the provider")
        if address.startswith("http:") and urlsplit(address).hostname not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            yield advice(_ABOUT, "it is opened by plain http", "Serve it by https alone")
        return
    elsewhere = _elsewhere(browser, running)
    if elsewhere:
        yield from elsewhere
    elif page.status >= 400:
        yield wrong(
            _ABOUT,
            f"{page.url.partition('?')[0]} answers {page.status}",
            "Look into the service's log: often it cannot reach the issuer",
        )
    else:
        says = f"{address.partition('?')[0]} ends at {page.url.partition('?')[0]} and not at the provider"
        todo = "The page must redirect to the authorization endpoint by itself, without JavaScript or a click"
        yield wrong(_ABOUT, says, todo)


def _elsewhere(browser: Browser, running: Running) -> list[Finding]:
    """Return the finding of an authorization request that went to somebody else; none without such a request."""
    for hop in browser.hops:
        place, _, query = hop.partition("?")
        if (
            place != running.authorization_endpoint
            and {"client_id", "response_type"} <= parse_qs(query).keys()
        ):
            says = f"it asks {place} for a sign-in, not {running.authorization_endpoint}"
            return [
                wrong(_ABOUT, says, f"Set the service's issuer to {running.issuer}, character by character")
            ]
    return []


def _not_answered(address: str, reason: str) -> Finding:
    return wrong(
        _ABOUT,
        f"{address.partition('?')[0]} cannot be reached: {reason}",
        "Start the service, or correct the address",
    )


def _taken(trial: Trial, running: Running, request: str) -> Iterator[Finding]:
    """Send the service's own request, made silent, and yield what the provider has against it that was not said yet."""
    query = parse_qs(urlsplit(request).query, keep_blank_values=True)
    query.pop("response_mode", None)
    silent = urlencode({**query, "prompt": ["none"]}, doseq=True)
    try:
        answer = trial.caller.get(f"{running.authorization_endpoint}?{silent}")
    except NotAnswered as error:
        yield wrong("request", f"the provider does not answer it: {error}", "Look into the provider's log")
        return
    said = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    if said.get("error") == ["login_required"]:
        yield right("request", "the provider takes it")
    else:
        what = " ".join(said.get("error_description", said.get("error", [f"status {answer.status_code}"])))
        yield wrong(
            "request", f"the provider refuses it: {what}", "Correct the request; see the service's library"
        )
