"""The plan of Config OP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.certification.conftest import MakeExaminer
from tests.protocol.answers import body
from tests.provider import ISSUER, Provider

_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
_SECRET = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_B64URL = re.compile(r"[A-Za-z0-9_-]+")


def test_oidcc_discovery_endpoint_verification(provider: Provider, make_examiner: MakeExaminer) -> None:
    told = make_examiner().discovered()
    assert told["issuer"] == ISSUER
    assert_https_endpoints(told)
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint"} <= set(told)
    assert told["jwks_uri"].startswith("https://")
    assert "code" in told["response_types_supported"]
    assert {"public", "pairwise"} >= set(told["subject_types_supported"]) != set()
    assert "RS256" in told["id_token_signing_alg_values_supported"]
    assert told["userinfo_signing_alg_values_supported"]
    assert "authorization_code" in told["grant_types_supported"]
    assert "openid" in told["scopes_supported"]
    assert all(_SCOPE.fullmatch(scope) for scope in told["scopes_supported"])
    assert {"sub", "iss", "auth_time", "acr", "name", "address"} <= set(told["claims_supported"])
    assert isinstance(told["code_challenge_methods_supported"], list)
    assert told["claims_parameter_supported"] is True
    # Left out, the second would mean true (Discovery §3).
    assert told["request_parameter_supported"] is told["request_uri_parameter_supported"] is False
    assert "registration_endpoint" not in told
    assert all(re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", locale) for locale in told["ui_locales_supported"])
    assert all(value not in ([], None, "") for value in told.values())
    _assert_keys(provider, told["jwks_uri"])


def assert_https_endpoints(told: Mapping[str, Any]) -> None:
    """Assert that every advertised endpoint is https, whole, without a fragment."""
    endpoints = [value for name, value in told.items() if name.endswith("_endpoint")]
    assert len(endpoints) >= 3
    for endpoint in map(urlsplit, endpoints):
        assert (endpoint.scheme, bool(endpoint.netloc), endpoint.fragment) == ("https", True, "")


def _assert_keys(provider: Provider, address: str) -> None:
    answer = provider.http().get(address.removeprefix(ISSUER))
    keys = body(answer)["keys"]
    kids = [key["kid"] for key in keys]
    assert len(set(kids)) == len(kids) > 0
    for key in keys:
        assert key["kty"] != "oct"
        assert not _SECRET & set(key)
        assert all(_B64URL.fullmatch(key[name]) for name in ("n", "e", "x", "y") if name in key)
        assert "x5c" not in key
    assert json.loads(answer.data) == {"keys": keys}
