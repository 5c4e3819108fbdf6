"""A small browser over HTTP: it follows links and posts the forms of pages as they stand, without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_MAX_REDIRECTS = 20


@dataclass
class Form:
    """One form: where it goes, and what it sends unless something else is entered."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.secret: str | None = None
        self.error: str | None = None
        self.text: list[str] = []
        self.main: list[str] = []
        self.links: list[tuple[str, str]] = []
        self._in_main = False
        self._form: Form | None = None
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.secret = given.get("data-otp-secret", self.secret)
        self.error = given.get("data-error", self.error)
        if tag == "main":
            self._in_main = True
        elif tag == "a" and "href" in given:
            self._link = given["href"], len(self.text)
        elif tag == "form" and self._in_main:
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None and "name" in given and "disabled" not in given:
            kind = given.get("type", "text")
            if kind not in ("checkbox", "radio", "submit") or "checked" in given:
                self._form.fields[given["name"]] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "main":
            self._in_main = False
        elif tag == "a" and self._link is not None:
            href, start = self._link
            self.links.append((_words(self.text[start:]), href))
            self._link = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._in_main:
            self.main.append(data)


@dataclass
class Page:
    """A page as it was received."""

    url: str
    status: int
    forms: list[Form]
    secret: str | None
    error: str | None
    text: str
    links: list[tuple[str, str]] = field(default_factory=list)
    """Text and address of each link."""
    main: str = ""
    """The text of ``<main>`` alone."""
    retry_after: int | None = None
    """How many seconds the answer asks to wait."""


def read_page(url: str, status: int, html: str) -> Page:
    """Return what a person finds on a page."""
    reader = _Reader()
    reader.feed(html)
    words, main = _words(reader.text), _words(reader.main)
    return Page(url, status, reader.forms, reader.secret, reader.error, words, reader.links, main)


def _words(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


class Browser:
    """One person's browser: cookies, and the page that it shows.

    It stops before an address whose origin is in ``stop_at``: there somebody else's client would listen. ``session``
    brings what certificates it trusts.
    """

    def __init__(self, stop_at: tuple[str, ...] = (), session: requests.Session | None = None) -> None:
        self._session = session or requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "text/html,*/*;q=0.8"
        self._stop_at = stop_at
        self.hops: list[str] = []
        """The addresses that the last click led through, up to the page shown."""
        self.page = Page("", 0, [], None, None, "")

    def get(self, url: str) -> Page:
        """Open an address."""
        return self._follow("get", urljoin(self.page.url, url), {})

    def follow(self, words: str) -> Page:
        """Open the first link whose text holds ``words``. Raises ``LookupError`` without such a link."""
        address = next((address for text, address in self.page.links if words in text), None)
        if address is None:
            raise LookupError(f"no link {words!r} on {self.page.url}")
        return self.get(address)

    def submit(self, entered: dict[str, str], form: int = 0) -> Page:
        """Send the page's form with what is entered over what it holds. Raises ``LookupError`` without such a form."""
        if form >= len(self.page.forms):
            raise LookupError(f"no form {form + 1} on {self.page.url}")
        chosen = self.page.forms[form]
        return self._follow(
            chosen.method, urljoin(self.page.url, chosen.action), {**chosen.fields, **entered}
        )

    def stops_before(self, url: str) -> bool:
        """Say whether the address is left alone."""
        return any(url.startswith(f"{origin}/") for origin in self._stop_at)

    def _follow(self, method: str, url: str, data: dict[str, str]) -> Page:
        self.hops = []
        for _ in range(_MAX_REDIRECTS):
            self.hops.append(url)
            if self.stops_before(url):
                self.page = Page(url, 0, [], None, None, "")
                return self.page
            sent = {"data": data} if method == "post" else {"params": data}
            response = self._session.request(method, url, allow_redirects=False, timeout=15, **sent)  # type: ignore[arg-type]
            if not response.is_redirect:
                return self._read(response)
            method, data = "get", {}
            url = urljoin(url, response.headers["Location"])
        raise requests.TooManyRedirects(url)

    def _read(self, response: requests.Response) -> Page:
        self.page = read_page(response.url, response.status_code, response.text)
        wait = response.headers.get("Retry-After", "")
        self.page.retry_after = int(wait) if wait.isdecimal() else None
        return self.page

    @property
    def path(self) -> str:
        """The path of the page shown."""
        return urlsplit(self.page.url).path
