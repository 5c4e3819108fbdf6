"""What nobody in their right mind sends: near misses first, then anything; and how it must be answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from werkzeug.test import TestResponse

from idp.oidc.discovery import PATHS
from tests.protocol.answers import token_error
from tests.protocol.forging import encoded
from tests.provider import CLIENT_SECRET, CLIENTS, VERIFIER, redirect_uri

FORM = "application/x-www-form-urlencoded"
OURS = "the kid of the provider's own key"
"""Stands for a ``kid`` that is known when the test runs alone."""

POSTED = [PATHS[name] for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint")]
DOCUMENTS = [
    *("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"),
    PATHS["jwks_uri"],
]

TOKEN: dict[str, list[str]] = {
    "grant_type": [
        *("authorization_code", "refresh_token", "client_credentials", "password"),
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ],
    "client_id": [*CLIENTS],
    "client_secret": [CLIENT_SECRET],
    "code": ["c" * 43],
    "redirect_uri": [redirect_uri("open")],
    "code_verifier": [VERIFIER],
    "refresh_token": ["a" * 64 + ".0.a", ".."],
    "scope": ["openid"],
    "resource": ["https://a.test"],
    "audience": ["open", "https://a.test"],
    "subject_token": ["a.b.c"],
    "subject_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
    "actor_token": ["a.b.c"],
}
"""Parameters of token requests, each with values that could be right."""

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Pairs = list[tuple[str, str]]
Parts = tuple[Any, Any, bytes]

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
content_types = st.sampled_from(
    [
        FORM,
        f"{FORM}; charset=utf-16",
        FORM.upper(),
        "multipart/form-data; boundary=b",
        "application/json",
        "a/b",
        "",
    ]
)
octets = st.binary(max_size=200) | st.sampled_from(
    [
        b"token=%ff%fe",
        b"token=\xff\xfe",
        b"token=%00",
        b"a=1&a=2",
        b"&&==&;",
        b"token=" + b"a" * 20_000,
        b"%" * 99,
    ]
)
_texts = st.text(st.sampled_from('\ud800\0"\\é') | st.characters(), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON, halves of characters and numbers that are none included."""

odd_headers = [
    {"alg": []},
    {"alg": {}, "kid": OURS},
    {"alg": "RS256", "kid": []},
    {"alg": "RS256", "kid": {}},
    {"alg": "RS256", "kid": "\ud800"},
    {"alg": "RS256", "kid": OURS, "crit": [[]]},
    {"alg": "RS256", "kid": OURS, "crit": 1},
    {"alg": "RS256", "kid": OURS, "b64": "no"},
    {"alg": "RS256", "kid": OURS, "typ": []},
    [],
    None,
    "a",
    1e999,
    10**4_000,
]
"""What a reader that trusts a header's shape stumbles over."""

deep = st.sampled_from(["[" * 2_000, "[" * 900 + "]" * 900, '{"userinfo":' * 300 + "{}" + "}" * 300])


def pairs(known: Mapping[str, Sequence[str]], more: SearchStrategy[str] = anything) -> SearchStrategy[Pairs]:
    """Return lists of parameters, mostly known names with known values, sometimes anything, sometimes twice."""
    named = st.sampled_from(sorted(known)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(known[name]) | more)
    )
    return st.lists(named | st.tuples(anything, anything), max_size=12)


def _members(known: Mapping[str, Sequence[Any]]) -> SearchStrategy[Any]:
    """Return objects with some of the members ``known``, right or wrong; rarely no object at all."""
    right_or_not = {name: st.sampled_from(values) | json_values for name, values in known.items()}
    return st.fixed_dictionaries({}, optional=right_or_not) | json_values


jwt_parts: SearchStrategy[Parts] = st.tuples(
    _members(
        {
            "alg": ["RS256", "ES256", "EdDSA", "HS256", "none", "RSA-OAEP"],
            "kid": [OURS, OURS, "another"],
            "typ": ["at+jwt", "JWT", "logout+jwt"],
            "crit": [["b64"], [], "b64"],
            "b64": [False],
            "enc": ["A128GCM"],
            "zip": ["DEF"],
            "jku": ["https://evil.test/keys"],
            "jwk": [{"kty": "oct", "k": "AAAA"}],
            "x5c": [["AAAA"]],
        }
    ),
    _members(
        {"iss": ["https://idp.test"], "aud": ["open"], "exp": [4_000_000_000], "sub": ["a"], "sid": ["a"]}
    ),
    st.binary(max_size=80),
)
"""Header, claims and signature of what looks like a JWT."""


def jwt_like(parts: Parts, kid: str) -> str:
    """Return the compact form, with the provider's own ``kid`` where the header says so."""
    header, claims, signature = parts
    if isinstance(header, dict) and header.get("kid") == OURS:
        header = {**header, "kid": kid}
    return ".".join(
        encoded(part) for part in (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    )


def settled(answer: TestResponse, *allowed: int) -> str:
    """Return the error of an answer, "" of a right one; an error is JSON as specified, and no answer may be stored."""
    assert answer.status_code in allowed, (answer.status_code, answer.text[:300])
    assert answer.headers["Cache-Control"] == "no-store"
    return token_error(answer, answer.status_code) if answer.status_code >= 400 else ""


def basic(client_id: str) -> str:
    """Return the Authorization header of a client by ``client_secret_basic``."""
    return f"Basic {base64.b64encode(f'{client_id}:{CLIENT_SECRET}'.encode()).decode()}"
