"""What an exchanged token may be good for: less than what it was exchanged for, never more (RFC 8693 §1, RFC 9700)."""

from __future__ import annotations

from collections.abc import Collection

from idp.accounts.grants import Grant
from idp.clients.model import Client
from idp.oidc.resources import Audience
from idp.oidc.tokens import AccessToken


def most(
    client: Client, subject: AccessToken, granted: Collection[str], audience: Audience
) -> frozenset[str]:
    """Return the widest scope that ``client`` may have for ``audience`` by the token ``subject``.

    ``granted`` is the scope of that token's grant. A word that several of the APIs know is good at each of them, and so
    must be allowed at each.
    """
    allowed = {
        service.client_id: _most_at(service, client, subject, granted) for service in audience.services
    }
    return frozenset(
        word
        for word in audience.scopes
        if all(word in allowed[one.client_id] for one in audience.services if word in one.resource_scopes)
    )


def agreed(client: Client, parent: Grant, audience: Audience) -> bool:
    """Say whether the person was asked about ``audience``, if the client's file has them asked.

    ``parent`` is the grant behind the token. The page of consent named the APIs of the client's own sign-in, no others.
    """
    named = parent.resource or () if parent.client_id == client.client_id else ()
    return client.consent == "implicit" or set(audience.identifiers) <= set(named)


def _most_at(
    service: Client, client: Client, subject: AccessToken, granted: Collection[str]
) -> frozenset[str]:
    """Return the same for one API.

    The client's file always bounds it. Where the token is good already, it may lose words only. Where the client got
    that token itself, nothing comes but what the sign-in granted to it. A service that was sent the token speaks to the
    next API in that API's own words, and those are what the fund allows it: its file.
    """
    words = service.resource_scopes & client.scope
    if service.resource_identifier in subject.audience:
        return words & subject.scope
    if subject.claims.get("client_id") == client.client_id:
        return words & frozenset(granted)
    return words
