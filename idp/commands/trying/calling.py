"""Calls to provider and service as a browser or a service makes them, and in plain words why one fails."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.exceptions import ConnectionError, InvalidURL, RequestException, SSLError, Timeout

SECONDS = 10
AGENT = "idp-clients-try"


class UnreadableRedirect(RequestException):
    """A ``Location`` is no address; requests reads it even where it is not to be followed."""


class NotAnswered(Exception):
    """Nothing came back that could be judged; the text says why."""


class Caller:
    """Calls without cookies, proxies of the environment, or redirects followed; any address: an operator asks."""

    def __init__(self, ca_file: Path | None = None, seconds: float = SECONDS) -> None:
        self._ca_file = ca_file
        self._seconds = seconds
        self._session = self.session()
        self._session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=()))

    def session(self) -> requests.Session:
        """Return a session of its own with cookies, which trusts what this machine and the settings trust."""
        made = requests.Session()
        made.trust_env = False
        made.headers["User-Agent"] = AGENT
        made.mount("https://", _Trusting(self.trusted()))
        return made

    def trusted(self) -> ssl.SSLContext:
        """Return what certificates are judged by: the system's authorities, and the settings' own."""
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Return the first answer, a redirect as it is. Raises ``NotAnswered``."""
        return self._called("GET", url, headers=dict(headers or {}))

    def post(self, url: str, form: Mapping[str, str], auth: str | None = None) -> requests.Response:
        """Post a form, with an ``Authorization`` header if any. Raises ``NotAnswered``."""
        return self._called("POST", url, data=form, headers={"Authorization": auth} if auth else {})

    def _called(self, method: str, url: str, **how: Any) -> requests.Response:
        try:
            return self._session.request(method, url, allow_redirects=False, timeout=self._seconds, **how)
        except RequestException as error:
            raise NotAnswered(why(error)) from error
        except ValueError as error:
            raise NotAnswered(why(UnreadableRedirect())) from error


class _Trusting(HTTPAdapter):
    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        super().__init__()

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **how)


def why(error: RequestException) -> str:
    """Return in plain words why a call failed."""
    text = str(error)
    if isinstance(error, SSLError):
        return f"its certificate is not taken ({_certificate(text)})"
    for kind, words in _KINDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, ConnectionError):
        for sign, words in _CONNECTION.items():
            if sign in text:
                return words
        return "the connection broke off"
    return f"no answer that could be read ({type(error).__name__})"


_KINDS: Mapping[type[RequestException], str] = {
    Timeout: "no answer in time",
    UnreadableRedirect: "it redirects to what is no address",
    InvalidURL: "this is no address",
}

_CONNECTION = {
    "NameResolutionError": "its name is not known here (DNS)",
    "Connection refused": "nothing listens there (connection refused)",
    "No route to host": "no way leads there (no route to host)",
    "Network is unreachable": "no way leads there (network unreachable)",
}

_CERTIFICATE = {
    "certificate has expired": "it has expired",
    "Hostname mismatch": "it is for another name",
    "IP address mismatch": "it is for another name",
    "self-signed": "signed by itself; an authority of the house is named by outbound.ca_file",
    "self signed": "signed by itself; an authority of the house is named by outbound.ca_file",
    "unable to get local issuer": "its authority is not known here, or the server does not send the whole chain",
    "WRONG_VERSION_NUMBER": "no TLS is spoken there",
}


def _certificate(text: str) -> str:
    return next((words for sign, words in _CERTIFICATE.items() if sign in text), "TLS fails")
