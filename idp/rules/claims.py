"""Scopes and the ``claims`` parameter to claims (OpenID Connect Core §5.4, §5.5), and names no attribute may take."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.rules.assurance import ACR_VALUES, Acr, meets
from idp.rules.delegation import MANAGE_SCOPE

STANDARD_SCOPES: Mapping[str, tuple[str, ...]] = {
    "openid": (),
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
        "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
    "offline_access": (),
}  # fmt: skip
"""The claims that each standard scope asks for."""

PROVIDER_SCOPES: Mapping[str, tuple[str, ...]] = {**STANDARD_SCOPES, MANAGE_SCOPE: ()}
"""The same of every scope that the provider offers by itself, without any plugin."""

PROTOCOL_CLAIMS = frozenset(
    [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "azp",
        "nonce",
        "acr",
        "amr",
        "auth_time",
        "at_hash",
        "c_hash",
        "s_hash",
        "sid",
        "act",
        "may_act",
        "delegation",
        "cnf",
        "client_id",
        "scope",
        "events",
        "typ",
    ]
)
"""Claims that only the protocol sets. An attribute or a plugin that brings one of these is dropped."""


MAX_CLAIMS = 100
"""Claims that one member of the ``claims`` parameter may ask for."""

_DEPTH = 6
"""Levels of the parameter: itself, a member, a claim, ``values``, and two of what stands there."""


class BadClaims(ValueError):
    """The ``claims`` parameter is malformed. The text is printable ASCII and says what is expected."""


@dataclass(frozen=True)
class AskedClaim:
    """How one claim is asked for (Core §5.5.1)."""

    essential: bool = False
    values: tuple[str, ...] | None = None
    """Only these will do, the best first; ``None``: any. What is no string is left out: no claim judged here is one."""


@dataclass(frozen=True)
class AskedClaims:
    """What the ``claims`` parameter asks for."""

    userinfo: Mapping[str, AskedClaim] = field(default_factory=dict)
    id_token: Mapping[str, AskedClaim] = field(default_factory=dict)

    @property
    def essential_acr(self) -> tuple[str, ...] | None:
        """The values one of which ``acr`` must have; ``None``: whatever was reached."""
        acr = self.id_token.get("acr", AskedClaim())
        return acr.values if acr.essential else None

    def acr_values(self, parameter: Iterable[str]) -> tuple[str, ...]:
        """Return the levels to reach for in order: those of ``acr_values`` that will do, then those asked for here."""
        here = self.id_token.get("acr", AskedClaim()).values or ()
        wanted = parameter if self.essential_acr is None else (one for one in parameter if one in here)
        return tuple(dict.fromkeys([*wanted, *here]))

    def reachable(self, floor: Acr) -> bool:
        """Say whether an essential ``acr`` has a value that is offered, and not below the client's ``floor``."""
        asked = self.essential_acr
        return asked is None or any(acr in asked and meets(acr, floor) for acr in ACR_VALUES)

    @property
    def subjects(self) -> frozenset[str] | None:
        """Who alone may be the answer (Core §3.1.2.2, §5.5.1), by the client's own ``sub``; ``None``: anybody."""
        asked = [one["sub"].values for one in (self.id_token, self.userinfo) if "sub" in one]
        wanted = [frozenset(values) for values in asked if values is not None]
        return frozenset.intersection(*wanted) if wanted else None

    def kept(self, offered: Collection[str]) -> dict[str, list[str]] | None:
        """Return what a grant keeps: the names of a person's claims, ``offered`` to this client, by member."""
        members = {"userinfo": self.userinfo, "id_token": self.id_token}
        kept = {
            member: sorted(name for name in asked if name in offered and name not in PROTOCOL_CLAIMS)
            for member, asked in members.items()
        }
        return {member: names for member, names in kept.items() if names} or None


def asked_claims(parameter: str | None) -> AskedClaims:
    """Return what the ``claims`` parameter asks for; members that are not understood are ignored (Core §5.5).

    Raises ``BadClaims``.
    """
    if parameter is None:
        return AskedClaims()
    try:
        told = json.loads(parameter, object_pairs_hook=_each_once, parse_constant=_no_number)
        # An escape may stand for half a character (RFC 7493 §2.1), which nothing can store or send on.
        json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadClaims("claims must be a JSON object of whole characters, without repeated names") from None
    if not isinstance(told, dict) or _deeper_than(_DEPTH, told):
        raise BadClaims(f"claims must be a JSON object of at most {_DEPTH} levels")
    return AskedClaims(_member(told, "userinfo"), _member(told, "id_token"))


def scopes_of(names: Collection[str], scopes: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return which of ``scopes``, each with its claims, cover any of ``names``."""
    return frozenset(scope for scope, claims in scopes.items() if not set(claims).isdisjoint(names))


def _member(told: Mapping[str, Any], name: str) -> dict[str, AskedClaim]:
    asked = told.get(name, {})
    if not isinstance(asked, dict) or len(asked) > MAX_CLAIMS:
        raise BadClaims(f"claims: {name} must be an object of at most {MAX_CLAIMS} claims")
    return {claim: _asked(name, how) for claim, how in asked.items()}


def _asked(member: str, how: object) -> AskedClaim:
    if how is None:
        return AskedClaim()
    if not isinstance(how, dict):
        raise BadClaims(f"claims: each claim of {member} must be null or an object")
    essential = how.get("essential", False)
    if not isinstance(essential, bool):
        raise BadClaims("claims: essential must be true or false")
    if not {"value", "values"} & how.keys():
        return AskedClaim(essential)
    values = how.get("values", [how.get("value")])
    if {"value", "values"} <= how.keys() or not isinstance(values, list) or values in ([], [None]):
        raise BadClaims("claims: either value, not null, or values, an array with an entry")
    return AskedClaim(essential, tuple(one for one in values if isinstance(one, str)))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(constant)


def _deeper_than(levels: int, value: object) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(_deeper_than(levels - 1, one) for one in inner))


def released(scopes: Collection[str], attributes: Mapping[str, object]) -> dict[str, object]:
    """Return the attributes that ``scopes`` ask for and the person has; never a protocol claim."""
    asked = [claim for scope in scopes for claim in STANDARD_SCOPES.get(scope, ())]
    return {claim: attributes[claim] for claim in asked if attributes.get(claim) is not None}


def without_protocol_claims(claims: Mapping[str, object]) -> dict[str, object]:
    """Return ``claims`` less those that only the protocol may set."""
    return {name: value for name, value in claims.items() if name not in PROTOCOL_CLAIMS}
