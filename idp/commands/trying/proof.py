"""Fourth station: the service can prove who it is at the token endpoint."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from urllib.parse import quote_plus

from requests import Response

from idp.clients.public_keys import MAX_KEYS, public_key
from idp.commands.trying.calling import NotAnswered
from idp.commands.trying.finding import Finding, advice, right, unknown, wrong
from idp.commands.trying.trial import Running, Trial

_SECRET = "secret"  # noqa: S105 - what a finding is about
_KEYS = "keys"


def secret_proved(trial: Trial, running: Running, secret: str | None) -> Iterator[Finding]:
    """Yield whether a code that never was is refused for itself (``invalid_grant``) or for the secret.

    A public client sends its identifier alone.
    """
    client = trial.client
    method = client.token_endpoint_auth_method
    if client.is_confidential and secret is None:
        yield unknown(_SECRET, "it was not tried", "Give it by --secret-file")
        return
    if secret is not None and not client.secret_matches(secret):
        says = "it is not the secret whose SHA-256 the file has"
        yield wrong(_SECRET, says, "`idp clients new-secret` makes another with the line for the file")
        return
    form = {
        "grant_type": "authorization_code",
        "code": secrets.token_urlsafe(32),
        "redirect_uri": next(iter(client.redirect_uris), ""),
        "code_verifier": secrets.token_urlsafe(48),
    }
    auth = None
    if method == "client_secret_basic":
        pair = f"{quote_plus(client.client_id)}:{quote_plus(secret or '')}"
        auth = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client.client_id
        if secret is not None:
            form["client_secret"] = secret
    trial.tell("redeeming a code that never was, with what the service proves itself by")
    yield _judged(trial, running, form, auth)


def _judged(trial: Trial, running: Running, form: dict[str, str], auth: str | None) -> Finding:
    log = "Look into the provider's log"
    try:
        answer = trial.caller.post(running.token_endpoint, form, auth)
    except NotAnswered as reason:
        return wrong(_SECRET, f"the token endpoint: {reason}", log)
    error, method = _error_of(answer), trial.client.token_endpoint_auth_method
    # A service that only gets tokens for itself may redeem no code: it is told so once it has proved who it is.
    if error in ("invalid_grant", "unauthorized_client"):
        return right(_SECRET, f"the provider takes it ({method})")
    if error == "invalid_client":
        says = f"it is the file's, but the running provider refuses it ({method})"
        todo = "Does the provider run with this file? Does a proxy take the Authorization header away?"
        return wrong(_SECRET, says, todo)
    return wrong(_SECRET, f"the token endpoint answers {answer.status_code} {error}", log)


def _error_of(answer: Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return "and no error of OAuth"


def keys_usable(trial: Trial) -> Iterator[Finding]:
    """Yield whether the service's published keys can verify its assertions."""
    client = trial.client
    if client.jwks_uri is None:
        kids = ", ".join(str(key.kid) for key in client.public_keys)
        yield right(_KEYS, f"the file holds {kids}; the assertion itself is seen at the first sign-in")
        return
    trial.tell(f"fetching the service's keys: {client.jwks_uri}")
    try:
        answer = trial.caller.get(client.jwks_uri)
        published = answer.json()["keys"] if answer.status_code == 200 else None
    except NotAnswered as error:
        yield wrong(_KEYS, f"{client.jwks_uri} cannot be reached: {error}", "Publish the keys there")
        return
    except (ValueError, KeyError, TypeError):
        published = None
    if not isinstance(published, list):
        says = f"{client.jwks_uri} answers {answer.status_code}, and no set of keys"
        yield wrong(_KEYS, says, 'Answer 200 with {"keys": […]} (RFC 7517 §5), without redirect')
        return
    usable = 0
    for place, jwk in enumerate(published[:MAX_KEYS]):
        try:
            key = public_key(jwk)
        except ValueError as expected:
            yield advice(_KEYS, f"keys[{place}] is not taken", f"Expected: {expected}")
            continue
        alg = client.token_endpoint_auth_signing_alg
        usable += alg is None or alg in key.algorithms
    if usable:
        yield right(
            _KEYS,
            f"{usable} published at {client.jwks_uri}; the assertion itself is seen at the first sign-in",
        )
    else:
        yield wrong(
            _KEYS,
            f"{client.jwks_uri} has no key that can be used",
            "Publish a public key: RSA from 2048 bits, P-256 or Ed25519",
        )
