"""Resource indicators (RFC 8707): whom one access token is for, and which words of a scope are good there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import OAuth2Error

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry


class InvalidTargetError(OAuth2Error):
    """A resource that is unknown, or not for this client or this person (RFC 8707 §2)."""

    error = "invalid_target"


@dataclass(frozen=True)
class Audience:
    """Whom one access token is for: the provider itself (userinfo), or APIs that know people by the same subject."""

    identifiers: tuple[str, ...]
    services: tuple[Client, ...]
    """The clients that serve these APIs; none serves the provider's own."""
    scopes: frozenset[str]
    """The words of a scope that mean something there."""

    @property
    def reader(self) -> Client | None:
        """The client by whose subjects the token names people; ``None``: by those of the client that gets it."""
        return self.services[0] if self.services else None

    def narrowed(self, words: Iterable[str]) -> str:
        """Return the scope of a token for this audience."""
        return " ".join(word for word in dict.fromkeys(words) if word in self.scopes)


@dataclass(frozen=True)
class Resources:
    """The APIs behind the provider, and the provider itself, which the issuer's identifier names."""

    issuer: str
    clients: ClientRegistry
    identity_scopes: frozenset[str]
    """What is good at the provider itself: the standard scopes and those of the claims plugins."""

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that is offered."""
        return self.identity_scopes.union(*(client.resource_scopes for client in self.clients))

    def named(self, client: Client, values: Iterable[str]) -> tuple[str, ...]:
        """Return what the ``resource`` parameters of a request name, each once. Raises ``InvalidTargetError``.

        What a client file lists is an absolute URI without fragment: whatever is none of these is refused with them.
        """
        found = tuple(dict.fromkeys(values))
        for resource in found:
            if resource != self.issuer and self.service(client, resource) is None:
                raise InvalidTargetError(
                    "resource must be one of the URIs that the configuration of this client lists"
                )
        return found

    def service(self, client: Client, resource: str) -> Client | None:
        """Return who serves an API that ``client`` may ask tokens for, or ``None``."""
        return self.clients.serving(resource) if resource in client.resources else None

    def of_grant(self, client: Client, granted: Sequence[str] | None, asked: Sequence[str]) -> Audience:
        """Return the audience of the next token of a grant: what is asked of it, else all of it.

        ``granted`` is what the authorization named; without any, the provider itself. What the client's file no longer
        lists is left out of it. Raises ``InvalidTargetError`` for more than was granted.
        """
        offered = tuple(
            one for one in granted or (self.issuer,) if one == self.issuer or self.service(client, one)
        )
        if not set(asked) <= set(offered):
            raise InvalidTargetError("a resource was not named in the authorization request")
        return self.audience(client, asked or offered)

    def audience(self, client: Client, identifiers: Sequence[str]) -> Audience:
        """Return these as the audience of one token. Raises ``InvalidTargetError`` unless one token can name it all."""
        if tuple(identifiers) == (self.issuer,):
            return Audience((self.issuer,), (), self.identity_scopes)
        services = tuple(found for one in identifiers if (found := self.service(client, one)) is not None)
        if not identifiers:
            raise InvalidTargetError("the configuration of this client no longer lists the resources granted")
        if len(services) < len(identifiers):
            raise InvalidTargetError("no token is both for the provider itself and for an API: ask for each")
        if len({service.subjects_of for service in services}) > 1:
            raise InvalidTargetError("these resources know people by different subjects: ask for one a token")
        scopes = frozenset[str]().union(*(service.resource_scopes for service in services))
        return Audience(tuple(identifiers), services, scopes)
