"""Fifth station: the service's other addresses answer as they are called, and certificates live on."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from idp.clients.model import Client
from idp.commands.trying.calling import SECONDS, NotAnswered
from idp.commands.trying.finding import Finding, advice, right, unknown, wrong
from idp.commands.trying.running_provider import clock_of
from idp.commands.trying.trial import Trial

_EXPIRES_SOON = timedelta(days=21)
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def callbacks(trial: Trial) -> Iterator[Finding]:
    """Yield which redirect addresses lead nowhere; a callback that nobody brings a code to may refuse, but is there."""
    timed = False
    for address in trial.client.redirect_uris:
        if not address.startswith("http"):
            continue  # an application's own scheme
        if at_runtime(trial.client, address):
            says = "the application listens there during a sign-in alone, at a port that it chooses"
            yield unknown("callback", f"{address} was not opened: {says}")
            continue
        trial.tell(f"opening the callback without an answer: {address}")
        try:
            answer = trial.caller.get(address)
        except NotAnswered as error:
            yield wrong(
                "callback",
                f"{address} cannot be reached: {error}",
                "Start the service, or take the address out of the file",
            )
            continue
        if answer.status_code == 404:
            yield wrong(
                "callback", f"{address} is not found (404)", "Correct the path, in the service or in the file"
            )
        elif answer.status_code >= 500:
            says = f"{address} breaks ({answer.status_code}) when it is opened without an answer"
            yield advice("callback", says, "Answer 400: people come back to it from bookmarks and histories")
        else:
            yield right("callback", f"{address} is there")
        if not timed:
            timed = True
            yield from clock_of("service", answer, trial.clock)


def back_channel(trial: Trial) -> Iterator[Finding]:
    """Yield whether the service hears of ended sessions, and believes nobody else who says so.

    The unsigned token is about nobody: a service that takes it ends no session.
    """
    address = trial.client.backchannel_logout_uri
    if address is None:
        return
    trial.tell(f"telling the service of a logout that nobody signed: {address}")
    try:
        answer = trial.caller.post(address, {"logout_token": _unsigned(trial)})
    except NotAnswered as error:
        yield wrong("logout", f"{address} cannot be reached: {error}", "The provider has to reach it, too")
        return
    status = answer.status_code
    if status == 400:
        yield right("logout", "the back channel refuses a token that nobody signed")
    elif status < 300:
        says = f"the back channel takes a token that nobody signed ({status}): anybody can end sessions"
        yield wrong(
            "logout", says, "Verify signature, iss, aud, iat and events (Back-Channel Logout 1.0 §2.6)"
        )
    elif answer.is_redirect:
        says = f"the back channel redirects ({status}); the provider follows no redirect"
        yield wrong("logout", says, "Answer the provider's POST there, without asking for a sign-in")
    elif status in (404, 405):
        yield wrong(
            "logout",
            f"{address} answers {status}: nothing takes the POST",
            "Correct the path, or take POST there",
        )
    elif status == 403:
        todo = "Except the address from the form protection (CSRF): the provider has no such token"
        yield wrong("logout", f"{address} answers 403 before it looks at the token", todo)
    else:
        todo = "Answer 400 to a token that is not right (Back-Channel Logout 1.0 §2.8)"
        yield advice("logout", f"the back channel answers {status} to a token that nobody signed", todo)


def after_sign_out(trial: Trial) -> Iterator[Finding]:
    """Yield which of the pages after a sign-out are there."""
    for address in trial.client.post_logout_redirect_uris:
        if not address.startswith("http") or at_runtime(trial.client, address):
            continue
        try:
            answer = trial.caller.get(address)
        except NotAnswered as error:
            yield wrong(
                "sign-out", f"{address} cannot be reached: {error}", "Correct post_logout_redirect_uris"
            )
            continue
        if answer.status_code >= 400:
            says = f"{address} answers {answer.status_code} to who was signed out"
            yield wrong("sign-out", says, "Show a page there that needs no sign-in")
        else:
            yield right("sign-out", f"{address} is there")


def at_runtime(client: Client, address: str) -> bool:
    """Say whether the application itself listens there, only while it waits (RFC 8252 §7.3)."""
    return client.application_type == "native" and address.startswith("http:")


def certificates(trial: Trial) -> Iterator[Finding]:
    """Yield which certificates end soon; one that is over was said by the station that called."""
    client = trial.client
    every = (
        *(trial.issuer, *client.redirect_uris, *client.post_logout_redirect_uris),
        *(client.backchannel_logout_uri, client.jwks_uri, client.initiate_login_uri),
    )
    hosts = {
        (parts.hostname or "", parts.port or 443)
        for parts in map(urlsplit, filter(None, every))
        if parts.scheme == "https"
    }
    for host, port in sorted(hosts):
        with suppress(OSError):
            ends = _ends(trial, host, port)
            left = ends - trial.clock.now()
            if left < _EXPIRES_SOON:
                says = f"that of {host} ends in {left.days} days ({ends.date()})"
                yield advice("certificate", says, "Renew it, and have it renewed by itself")
            else:
                yield right("certificate", f"that of {host} is good to {ends.date()}")


def _ends(trial: Trial, host: str, port: int) -> datetime:
    with (
        socket.create_connection((host, port), SECONDS) as reached,
        trial.caller.trusted().wrap_socket(reached, server_hostname=host) as secured,
    ):
        shown = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def _unsigned(trial: Trial) -> str:
    now = int(trial.clock.now().timestamp())
    claims = {
        "iss": trial.issuer,
        "aud": trial.client.client_id,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(16),
        "sid": secrets.token_urlsafe(16),
        "events": {_LOGOUT_EVENT: {}},
    }
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "logout+jwt"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
