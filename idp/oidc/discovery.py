"""OpenID Connect Discovery 1.0 §3 and RFC 8414 §2: what is switched on, never more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from idp.oidc.authorization.answers import RESPONSE_MODES
from idp.oidc.authorization.checks import PROMPTS
from idp.oidc.client_authentication.methods import METHODS
from idp.oidc.keys.signing import ALGORITHMS
from idp.rules.assurance import ACR_VALUES

PATHS: Mapping[str, str] = {
    "authorization_endpoint": "/oauth2/authorize",
    "token_endpoint": "/oauth2/token",
    "userinfo_endpoint": "/oauth2/userinfo",
    "introspection_endpoint": "/oauth2/introspect",
    "revocation_endpoint": "/oauth2/revoke",
    "jwks_uri": "/oauth2/jwks",
    "end_session_endpoint": "/logout",
}
_TOKEN_CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"),
    *("act", "delegation"),
)


def metadata(
    issuer: str,
    grant_types: Sequence[str],
    scopes: Mapping[str, Sequence[str]],
    languages: Sequence[str],
) -> bytes:
    """Return the document as it is sent, at both of its addresses (RFC 8414 §3 for who knows no OpenID Connect).

    ``grant_types`` are those that the token endpoint has, ``scopes`` every scope with the claims that it asks for,
    ``languages`` those of the pages.
    """
    asked_for = [claim for claims in scopes.values() for claim in claims]
    document = {
        "issuer": issuer,
        **{name: issuer + path for name, path in PATHS.items()},
        "scopes_supported": list(scopes),
        "claims_supported": list(dict.fromkeys([*_TOKEN_CLAIMS, *asked_for])),
        "claim_types_supported": ["normal"],
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(grant_types),
        "subject_types_supported": ["public", "pairwise"],
        "acr_values_supported": list(ACR_VALUES),
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(ALGORITHMS),
        **_authentication("token", METHODS),
        **_authentication("introspection", [method for method in METHODS if method != "none"]),
        **_authentication("revocation", METHODS),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": list(PROMPTS),
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": list(languages),
    }
    return json.dumps(document).encode()


def _authentication(endpoint: str, methods: Sequence[str]) -> dict[str, list[str]]:
    """Return how clients prove at an endpoint who they are (RFC 8414 §2)."""
    return {
        f"{endpoint}_endpoint_auth_methods_supported": list(methods),
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
    }
