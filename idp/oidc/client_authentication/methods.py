"""How a client proves who it is: one method a request, the registered one (RFC 6749 §2.3, RFC 9700 §2.5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry


class ClientRefused(InvalidClientError):
    """One answer to every failed authentication. Authlib's challenge lacks the realm (RFC 7617 §2)."""

    def __init__(self) -> None:
        super().__init__("client authentication failed", status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers with a whole challenge."""
        challenge = ("WWW-Authenticate", 'Basic realm="token", charset="UTF-8"')
        return [*OAuth2Error.get_headers(self), challenge]


def authenticated(clients: ClientRegistry, headers: Mapping[str, str], form: Mapping[str, str]) -> Client:
    """Return the client of a token request.

    Raises ``InvalidRequestError`` for two methods or two identifiers in one request, ``ClientRefused`` for an
    unknown client, a method other than the registered one, or a wrong secret.
    """
    header = headers.get("Authorization", "")
    if header:
        if "client_secret" in form:
            raise InvalidRequestError("two client authentication methods in one request")
        client_id, secret = _basic(header)
        if form.get("client_id", client_id) != client_id:
            raise InvalidRequestError("client_id differs from the Authorization header")
        return _checked(clients, client_id, "client_secret_basic", secret)
    client_id = form.get("client_id", "")
    if "client_secret" in form:
        return _checked(clients, client_id, "client_secret_post", form["client_secret"])
    return _checked(clients, client_id, "none", None)


def _checked(clients: ClientRegistry, client_id: str, method: str, secret: str | None) -> Client:
    client = clients.get(client_id)
    if client is None or client.token_endpoint_auth_method != method:
        raise ClientRefused()
    if secret is not None and not client.secret_matches(secret):
        raise ClientRefused()
    return client


def _basic(header: str) -> tuple[str, str]:
    """Return identifier and secret, each form-decoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise ClientRefused()
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ClientRefused() from error
    if not colon:
        raise ClientRefused()
    return unquote_plus(client_id), unquote_plus(secret)
