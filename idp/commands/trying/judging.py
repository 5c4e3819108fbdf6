"""An authorization request as a service really sends it, judged by its file, in plain words. Nothing is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from idp.clients.model import Client
from idp.commands.trying.finding import Finding, advice, right, wrong
from idp.commands.trying.nearest import differs_by, nearest
from idp.oidc.authorization.answers import RESPONSE_MODES
from idp.oidc.authorization.redirects import registered
from idp.oidc.server import REPEATABLE

Sent = Mapping[str, Sequence[str]]
"""Every parameter with each of its values, as they stand in the address."""

_ABOUT = "request"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PKCE = "Switch PKCE with S256 on in the service's library (RFC 7636)"


def judged(client: Client, sent: Sent, offered_scopes: Sequence[str]) -> Iterator[Finding]:
    """Yield what is to be said of the request; ``offered_scopes`` are those of the provider's discovery document."""
    twice = sorted(name for name, values in sent.items() if len(values) > 1 and name not in REPEATABLE)
    if twice:
        says = f"it sends {', '.join(twice)} more than once"
        yield wrong(
            _ABOUT, says, "Send each parameter once; look whether the provider's address has a query already"
        )
    one = {name: values[0] for name, values in sent.items() if values[0]}
    yield from _client_id(client, one.get("client_id"))
    yield from _redirect_uri(client, one.get("redirect_uri"))
    yield from _response(one)
    yield from _scope(client, one.get("scope", "").split(), offered_scopes)
    pkce = list(_pkce(client, one))
    yield from pkce
    yield from _bound(
        client, one, with_pkce=not any(found.level == "wrong" for found in pkce) and "code_challenge" in one
    )
    for name in ("request", "request_uri", "registration"):
        if name in one:
            yield wrong(_ABOUT, f"it sends {name}, which the provider does not take", "Send plain parameters")


def _client_id(client: Client, sent: str | None) -> Iterator[Finding]:
    if sent == client.client_id:
        yield right(_ABOUT, f"client_id is {sent}")
    else:
        says = (
            f"its client_id is {sent!r}, the file's {client.client_id!r}" if sent else "it sends no client_id"
        )
        yield wrong(_ABOUT, says, f"Set client_id to {client.client_id} in the service")


def _redirect_uri(client: Client, sent: str | None) -> Iterator[Finding]:
    if sent is None:
        yield wrong(
            _ABOUT, "it sends no redirect_uri", "The service's library needs to be told its own address"
        )
    elif registered(client, sent):
        yield right(_ABOUT, f"redirect_uri is registered: {sent}")
    else:
        close = nearest(sent, client.redirect_uris)
        says = f"its redirect_uri {sent} is not registered"
        if close is None:
            yield wrong(_ABOUT, says, "Give the file redirect_uris")
            return
        todo = "Correct it in the service, or register it; every character counts"
        if sent.startswith("http:") and close.startswith("https:"):
            todo = (
                "Behind a proxy the service must believe X-Forwarded-Proto, to know its own address as https"
            )
        yield wrong(_ABOUT, f"{says}; the nearest is {close}: {differs_by(sent, close)} differs", todo)


def _response(one: Mapping[str, str]) -> Iterator[Finding]:
    kind, mode = one.get("response_type"), one.get("response_mode")
    if kind != "code":
        says = f"response_type is {kind!r}" if kind else "it sends no response_type"
        yield wrong(_ABOUT, f"{says}; only the code flow is there", "Set response_type to code")
    if mode not in (None, *RESPONSE_MODES):
        todo = f"Leave response_mode out, or set it to {' or '.join(RESPONSE_MODES)}"
        yield wrong(_ABOUT, f"response_mode {mode!r} is not offered", todo)


def _scope(client: Client, words: Sequence[str], offered: Sequence[str]) -> Iterator[Finding]:
    if "openid" not in words:
        yield wrong(
            _ABOUT, "its scope lacks openid", "Ask for the scope openid: without it no ID token comes"
        )
    refused = [word for word in words if word in offered and word not in client.scope]
    ignored = [word for word in words if word not in offered]
    if refused:
        todo = "Take it out of the service's request, or add it to scope in the file"
        yield wrong(_ABOUT, f"it asks for the scope {' '.join(refused)}, which its file does not have", todo)
    if ignored:
        says = f"it asks for the scope {' '.join(ignored)}, which nobody offers: it is ignored"
        yield advice(_ABOUT, says, "Take it out")
    if "openid" in words and not refused:
        yield right(_ABOUT, f"its scope is within the file's: {' '.join(words)}")


def _pkce(client: Client, one: Mapping[str, str]) -> Iterator[Finding]:
    challenge, method = one.get("code_challenge"), one.get("code_challenge_method")
    if challenge is None:
        says = "it sends no code_challenge (PKCE)"
        if client.pkce == "required":
            yield wrong(_ABOUT, f"{says}, and its file demands it", _PKCE)
        else:
            yield advice(_ABOUT, f"{says}; its file lets that pass (pkce: optional)", _PKCE)
    elif method != "S256":
        how = "plain" if method in (None, "plain") else repr(method)
        yield wrong(_ABOUT, f"its code_challenge_method is {how}; only S256 protects the code", _PKCE)
    elif not _CHALLENGE.fullmatch(challenge):
        says = "its code_challenge is not what S256 makes (43 characters, base64url without =)"
        yield wrong(_ABOUT, says, _PKCE)
    else:
        yield right(_ABOUT, "it uses PKCE with S256")


def _bound(client: Client, one: Mapping[str, str], *, with_pkce: bool) -> Iterator[Finding]:
    if "state" not in one:
        todo = "Send a fresh state, kept in the browser's session, and compare it at the callback"
        if with_pkce:
            yield advice(_ABOUT, "it sends no state; PKCE alone binds the answer to the browser", todo)
        else:
            yield wrong(_ABOUT, "it sends no state: another's sign-in can be slipped to a visitor", todo)
    else:
        yield right(_ABOUT, "it sends state")
    if "nonce" in one:
        yield right(_ABOUT, "it sends nonce")
    else:
        todo = "Send a fresh nonce and compare it with the ID token's"
        if client.nonce == "required":
            yield wrong(_ABOUT, "it sends no nonce, and its file demands it", todo)
        else:
            yield advice(_ABOUT, "it sends no nonce", todo)
