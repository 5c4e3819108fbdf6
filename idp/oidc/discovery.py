"""OpenID Connect Discovery 1.0 §3: what is switched on, never more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from idp.oidc.keys.signing import ALGORITHMS
from idp.rules.assurance import ACR_VALUES
from idp.rules.claims import STANDARD_SCOPES

PATHS: Mapping[str, str] = {
    "authorization_endpoint": "/oauth2/authorize",
    "token_endpoint": "/oauth2/token",
    "userinfo_endpoint": "/oauth2/userinfo",
    "jwks_uri": "/oauth2/jwks",
    "end_session_endpoint": "/logout",
}
_TOKEN_CLAIMS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "at_hash",
    "sid",
    "act",
    "delegation",
)


def metadata(issuer: str, plugin_scopes: Mapping[str, tuple[str, ...]], languages: Sequence[str]) -> bytes:
    """Return the discovery document as it is sent; ``languages`` are those of the pages."""
    scopes = {**STANDARD_SCOPES, **plugin_scopes}
    document = {
        "issuer": issuer,
        **{name: issuer + path for name, path in PATHS.items()},
        "scopes_supported": list(scopes),
        "claims_supported": list(
            dict.fromkeys([*_TOKEN_CLAIMS, *(c for names in scopes.values() for c in names)])
        ),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "acr_values_supported": list(ACR_VALUES),
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": list(languages),
    }
    return json.dumps(document).encode()
