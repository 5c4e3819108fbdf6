"""How a client proves who it is: one method a request, the registered one (RFC 6749 §2.3, RFC 9700 §2.5).

Every endpoint that clients post to asks the same ``ClientAuthentication``: token, introspection, revocation.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args
from urllib.parse import unquote_plus

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clients.values import TokenAuthMethod
from idp.oidc.client_authentication.assertion import ASSERTION_TYPE, AssertionRefused, Assertions
from idp.oidc.client_authentication.client_keys import KeysUnavailable

METHODS: tuple[TokenAuthMethod, ...] = get_args(TokenAuthMethod)
"""All that are taken, as discovery says it."""


class ClientRefused(InvalidClientError):
    """One answer to every failed authentication. Authlib's challenge lacks the realm (RFC 7617 §2)."""

    def __init__(self) -> None:
        super().__init__("client authentication failed", status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers with a whole challenge."""
        challenge = ("WWW-Authenticate", 'Basic realm="token", charset="UTF-8"')
        return [*OAuth2Error.get_headers(self), challenge]


class ClientKeysUnknown(OAuth2Error):
    """The address where the client publishes its keys does not answer."""

    error = "temporarily_unavailable"

    def __init__(self) -> None:
        super().__init__("the keys at the jwks_uri of this client could not be fetched", status_code=503)

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers with the seconds to wait."""
        return [*super().get_headers(), ("Retry-After", "10")]


@dataclass(frozen=True)
class ClientAuthentication:
    """Tells which client a request is from."""

    clients: ClientRegistry
    assertions: Assertions

    def authenticated(self, headers: Mapping[str, str], form: Mapping[str, str], address: str) -> Client:
        """Return the client of a request to the endpoint at ``address``; an empty parameter is an absent one.

        Raises ``InvalidRequestError`` for two methods or two identifiers in one request; ``ClientRefused`` for an
        unknown client, a method other than the registered one, a wrong secret or assertion; ``ClientKeysUnknown`` and
        ``StorageUnavailable`` (both 503) when an assertion cannot be judged now.
        """
        header = headers.get("Authorization", "")
        asserted = "client_assertion" in form or "client_assertion_type" in form
        if bool(header) + ("client_secret" in form) + asserted > 1:
            raise InvalidRequestError("two client authentication methods in one request")
        if asserted:
            return self._by_assertion(form, address)
        if header:
            client_id, secret = _basic(header)
            if form.get("client_id", client_id) != client_id:
                raise InvalidRequestError("client_id differs from the Authorization header")
            return self._by_secret(client_id, "client_secret_basic", secret)
        client_id = form.get("client_id", "")
        if "client_secret" in form:
            return self._by_secret(client_id, "client_secret_post", form["client_secret"])
        return self._registered(client_id, "none")

    def _by_secret(self, client_id: str, method: TokenAuthMethod, secret: str) -> Client:
        client = self._registered(client_id, method)
        if not client.secret_matches(secret):
            raise ClientRefused()
        return client

    def _by_assertion(self, form: Mapping[str, str], address: str) -> Client:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientRefused()
        try:
            return self.assertions.client_of(form.get("client_assertion", ""), form.get("client_id"), address)
        except AssertionRefused as refused:
            raise ClientRefused() from refused
        except KeysUnavailable as unavailable:
            raise ClientKeysUnknown() from unavailable

    def _registered(self, client_id: str, method: TokenAuthMethod) -> Client:
        client = self.clients.get(client_id)
        if client is None or client.token_endpoint_auth_method != method:
            raise ClientRefused()
        return client


def _basic(header: str) -> tuple[str, str]:
    """Return identifier and secret, each form-decoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise ClientRefused()
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError as error:  # no ASCII, no base64, or no UTF-8
        raise ClientRefused() from error
    if not colon:
        raise ClientRefused()
    return unquote_plus(client_id), unquote_plus(secret)
