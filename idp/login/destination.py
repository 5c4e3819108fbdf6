"""Where a sign-in leads. The dispatcher knows only this; the protocol and the local pages implement it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from flask import Response

from idp.accounts.party import Party
from idp.login.session import SignOnSession
from idp.rules.assurance import auth_time_of
from idp.rules.delegation import Denial, grantable, managing_denied
from idp.rules.next_step import Demand


@dataclass(frozen=True)
class Visitor:
    """Somebody signed in: the session, and the party looked up for this request."""

    cookie: str
    session: SignOnSession
    party: Party

    def managing_denied(self, now: datetime) -> Denial | None:
        """Return why a managing act of this visitor is refused at ``now``, or ``None``."""
        age = now.timestamp() - auth_time_of(self.session.proofs)
        return managing_denied(self.session.acr, self.party.actor, age)

    @property
    def name(self) -> str:
        """Who is there: the holder, or the assistant who acts."""
        return self.party.actor.name if self.party.actor else self.party.account.name

    @property
    def acting_for(self) -> str | None:
        """The practitioner's name while an assistant acts: every page then says so."""
        return self.party.account.name if self.party.actor else None


@dataclass(frozen=True)
class ApiAccess:
    """What a service asks to do at another one's API."""

    identifier: str
    service: str
    """The name of the service whose API it is."""
    scope: tuple[str, ...]
    """The words of the scope that are good there."""


@dataclass(frozen=True)
class Disclosure:
    """What a service asks to be told about whoever signs in, and where it asks to act for them."""

    client_id: str
    scope: tuple[str, ...]
    claims: tuple[str, ...]
    """Asked for one by one, beside what the scope brings."""
    apis: tuple[ApiAccess, ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """What consent is given to, each apart: a scope, a claim in quotes, ``@"…"`` an API, ``word@"…"`` a word there.

        No scope may hold a quote (RFC 6749 §3.3).
        """
        claims = (f'"{claim}"' for claim in self.claims)
        apis = (f'{word}@"{api.identifier}"' for api in self.apis for word in ("", *api.scope))
        return frozenset([*self.scope, *claims, *apis])

    def by(self, who: Party) -> Disclosure:
        """Return what of it ``who`` may grant: nothing else is shown to them, agreed to or looked for."""
        return replace(self, scope=grantable(self.scope, who.account.profile, who.actor))

    @classmethod
    def of_words(cls, client_id: str, words: Collection[str], service_of: Callable[[str], str]) -> Disclosure:
        """Return what ``words`` say; ``service_of`` names the service whose API an identifier is."""
        scope, claims, apis = [], [], dict[str, list[str]]()
        for word in sorted(words):
            before, quoted, rest = word.partition('"')
            if not quoted:
                scope.append(word)
            elif before:
                apis.setdefault(rest[:-1], []).append(before[:-1])
            else:
                claims.append(rest[:-1])
        named = (
            ApiAccess(identifier, service_of(identifier), tuple(filter(None, good)))
            for identifier, good in apis.items()
        )
        return cls(client_id, tuple(scope), tuple(claims), tuple(named))


class Destination(Protocol):
    """What a transaction was begun for. ``request`` is the destination's own JSON value, as it gave it."""

    def demand(self, request: Mapping[str, Any]) -> Demand | None:
        """Return what it demands, or ``None`` when it no longer exists (a client that was removed)."""
        ...

    def service(self, request: Mapping[str, Any]) -> str | None:
        """Return the service's name for the pages, or ``None``."""
        ...

    def client_id(self, request: Mapping[str, Any]) -> str | None:
        """Return the ``client_id`` of the service that waits, or ``None``."""
        ...

    def disclosure(self, request: Mapping[str, Any]) -> Disclosure | None:
        """Return what it is told about whoever signs in, when that goes to anybody else."""
        ...

    def form_action(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the origins that a form may end up at (CSP ``form-action``)."""
        ...

    def admit(self, request: Mapping[str, Any], visitor: Visitor) -> Response:
        """Let the visitor in."""
        ...

    def refuse(self, request: Mapping[str, Any], error: str, description: str) -> Response:
        """Send the browser back without anybody; ``error`` is an OAuth or OpenID Connect error code."""
        ...


def see_other(location: str) -> Response:
    """Return a 303 to ``location``: whatever was posted, the browser goes on with GET."""
    return Response(status=303, headers={"Location": location})
