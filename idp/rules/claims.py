"""Scopes to claims (OpenID Connect Core §5.4), and the names that no attribute of a person may take."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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


def released(scopes: Collection[str], attributes: Mapping[str, object]) -> dict[str, object]:
    """Return the attributes that ``scopes`` ask for and the person has; never a protocol claim."""
    asked = [claim for scope in scopes for claim in STANDARD_SCOPES.get(scope, ())]
    return {claim: attributes[claim] for claim in asked if attributes.get(claim) is not None}


def without_protocol_claims(claims: Mapping[str, object]) -> dict[str, object]:
    """Return ``claims`` less those that only the protocol may set."""
    return {name: value for name, value in claims.items() if name not in PROTOCOL_CLAIMS}
