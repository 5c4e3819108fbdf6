"""The request that a service really sends, judged by its file; and in which words two addresses differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from idp.clients.model import Client
from idp.commands.trying.judging import judged
from idp.commands.trying.nearest import differs_by, nearest
from tests.config.samples import DIGEST

BASE: Mapping[str, Any] = {
    "client_id": "portal",
    "name": "Portail",
    "redirect_uris": ["https://portal.example.org/callback"],
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret_sha256": DIGEST,
    "scope": ["openid", "profile"],
    "profiles": ["insured"],
}
RIGHT: Mapping[str, list[str]] = {
    "client_id": ["portal"],
    "redirect_uri": ["https://portal.example.org/callback"],
    "response_type": ["code"],
    "scope": ["openid profile"],
    "state": ["a-state"],
    "nonce": ["a-nonce"],
    "code_challenge": ["c" * 43],
    "code_challenge_method": ["S256"],
}
OFFERED = ["openid", "profile", "email"]


def levels(sent: Mapping[str, list[str]], **file: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"wrong": [], "advice": [], "right": []}
    for one in judged(Client.model_validate({**BASE, **file}, context={}), sent, OFFERED):
        found[one.level].append(one.says)
        assert bool(one.todo) == (one.level != "right")
    return found


def test_a_right_request_is_right_in_every_part() -> None:
    found = levels(
        {**RIGHT, "response_mode": ["form_post"], "resource": ["https://a.test", "https://b.test"]}
    )
    assert (found["wrong"], found["advice"]) == ([], [])
    assert len(found["right"]) == 6


@pytest.mark.parametrize(
    ("changes", "file", "level", "says"),
    [
        ({"state": None}, {}, "advice", "it sends no state; PKCE alone binds the answer to the browser"),
        ({"state": None, "code_challenge": None}, {"pkce": "optional"}, "wrong",
         "it sends no state: another's sign-in can be slipped to a visitor"),
        ({"nonce": None}, {}, "advice", "it sends no nonce"),
        ({"nonce": None}, {"nonce": "required"}, "wrong", "it sends no nonce, and its file demands it"),
        ({"code_challenge": None}, {"pkce": "optional"}, "advice",
         "it sends no code_challenge (PKCE); its file lets that pass (pkce: optional)"),
        ({"code_challenge_method": None}, {}, "wrong",
         "its code_challenge_method is plain; only S256 protects the code"),
        ({"code_challenge_method": ["plain"]}, {"pkce": "optional"}, "wrong",
         "its code_challenge_method is plain; only S256 protects the code"),
        ({"code_challenge": ["c" * 42 + "="]}, {}, "wrong",
         "its code_challenge is not what S256 makes (43 characters, base64url without =)"),
        ({"scope": ["openid fancy"]}, {}, "advice", "it asks for the scope fancy, which nobody offers: it is ignored"),
        ({"scope": ["openid", "openid"]}, {}, "wrong", "it sends scope more than once"),
        ({"request_uri": ["https://a.test"]}, {}, "wrong", "it sends request_uri, which the provider does not take"),
        ({"client_id": None}, {}, "wrong", "it sends no client_id"),
        ({"response_type": None}, {}, "wrong", "it sends no response_type; only the code flow is there"),
    ],
)  # fmt: skip
def test_each_fault_is_said_once(
    changes: Mapping[str, list[str] | None], file: Mapping[str, Any], level: str, says: str
) -> None:
    sent = {name: values for name, values in {**RIGHT, **changes}.items() if values is not None}
    found = levels(sent, **file)
    assert found[level].count(says) == 1, found
    assert found["wrong"] == ([says] if level == "wrong" else []) or len(found["wrong"]) == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("http://a.test/cb", "the scheme (http, not https)"),
        ("https://A.test/cb", "capitals in the host"),
        ("https://b.test/cb", "the host"),
        ("https://a.test:8443/cb", "the port (8443, not none)"),
        ("https://a.test/cb/", "a slash at the end"),
        ("https://a.test/CB", "capitals in the path"),
        ("https://a.test/%63b", "how the path is encoded (%)"),
        ("https://a.test/other", "the path"),
        ("https://a.test/cb?x=1", "the query"),
        ("https://a.test/cb#x", "a fragment (#)"),
        ("http://a.test:80/other", "the scheme (http, not https) and the port (80, not none) and the path"),
        ("https://a.test:port/cb", "it is no address"),
    ],
)
def test_where_two_addresses_differ_is_said_as_a_person_would(sent: str, words: str) -> None:
    assert differs_by(sent, "https://a.test/cb") == words


def test_the_nearest_address_is_the_one_that_was_meant() -> None:
    known = ["https://a.test/callback", "https://b.test/oidc/cb"]
    assert nearest("http://b.test/oidc/cb/", known) == known[1]
    assert nearest("https://a.test/call", known) == known[0]
    assert nearest("https://a.test/", []) is None
