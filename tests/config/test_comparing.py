"""What a change of a client file changes, and what of it lets more through than before."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from idp.clients.comparing import Change, changes
from idp.clients.model import Client
from idp.clients.weakening import JUDGES
from tests.assertions import public_jwk
from tests.config.samples import DIGEST

BASE: Mapping[str, Any] = {
    "client_id": "portal",
    "name": "Portail",
    "redirect_uris": ["https://portal.example.org/callback"],
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret_sha256": DIGEST,
    "scope": ["openid"],
    "profiles": ["insured"],
}
GUARDED: Mapping[str, Any] = {
    "client_id": "portal",
    "name": "Portail",
    "scope": ["openid"],
    "profiles": ["insured", "health_professional"],
    "assistants": "allowed",
}
HOST = "https://old.example.org"
JWKS = {"token_endpoint_auth_method": "private_key_jwt", "client_secret_sha256": ()}
OTHER = "0" * 64


def client(base: Mapping[str, Any], changed: Mapping[str, Any]) -> Client:
    data = {key: value for key, value in {**base, **changed}.items() if value is not None}
    return Client.model_validate(data, context={})


def compared(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[str, str | None, str | None, str | None]]:
    found = changes(client(BASE, old), client(BASE, new))
    return [(one.key, one.before, one.after, one.weaker) for one in found]


@pytest.mark.parametrize(
    ("key", "strict", "lax", "shown"),
    [
        ("assistants", "refused", "allowed", ("refused", "allowed")),
        ("floor", "mfa", "pwd", ("mfa", "pwd")),
        ("pkce", "required", "optional", ("required", "optional")),
        ("nonce", "required", "optional", ("required", "optional")),
        ("consent", "required", "implicit", ("required", "implicit")),
        ("subject_type", "pairwise", "public", ("pairwise", "public")),
        ("application_type", "web", "native", ("web", "native")),
        ("mfa", "required", "optional", ("required", "optional")),
        ("mfa", "required", {"required_from": "2026-03-01"}, ("required", "required_from 2026-03-01")),
        ("mfa", {"required_from": "2026-03-01"}, "optional", ("required_from 2026-03-01", "optional")),
        (
            "mfa",
            {"required_from": "2026-03-01"},
            {"required_from": "2026-03-02"},
            ("required_from 2026-03-01", "required_from 2026-03-02"),
        ),
        ("userinfo_signed_response_alg", "ES256", None, ("ES256", None)),
        (
            "backchannel_logout_uri",
            "https://portal.example.org/out",
            None,
            ("https://portal.example.org/out", None),
        ),
        ("scope", ["openid"], ["email", "openid"], (None, "email")),
        ("profiles", ["insured"], ["insured", "employer"], (None, "employer")),
        (
            "grant_types",
            ["authorization_code"],
            ["authorization_code", "client_credentials"],
            (None, "client_credentials"),
        ),
        ("resources", [], ["https://api.test/"], (None, "https://api.test/")),
        ("post_logout_redirect_uris", [], ["https://a.test/out"], (None, "https://a.test/out")),
        ("initiate_login_uri", None, "https://a.test/login", (None, "https://a.test/login")),
        ("resource_identifier", None, "https://a.test/api", (None, "https://a.test/api")),
    ],
)
def test_what_lets_more_through_is_marked_and_the_way_back_is_not(
    key: str, strict: Any, lax: Any, shown: tuple[str | None, str | None]
) -> None:
    [(named, before, after, weaker)] = compared({key: strict}, {key: lax})
    assert (named, (before, after)) == (key, shown)
    assert weaker
    [(_named, after, before, weaker)] = compared({key: lax}, {key: strict})
    assert ((before, after), weaker) == (shown, None)


@pytest.mark.parametrize(
    ("address", "weaker"),
    [
        ("https://portal.example.org/other", "one more page takes its answers"),
        ("https://evil.example.org/callback", "people are sent to https://evil.example.org, which is new"),
        (
            "https://portal.example.org:8443/callback",
            "people are sent to https://portal.example.org:8443, which is new",
        ),
        ("http://127.0.0.1:8000/callback", "people are sent to http://127.0.0.1:8000, which is new"),
    ],
)
def test_every_added_redirect_address_is_marked_and_another_host_said(address: str, weaker: str) -> None:
    wanted = {"redirect_uris": [*BASE["redirect_uris"], address]}
    assert compared({}, wanted) == [("redirect_uris", None, address, weaker)]
    assert compared(wanted, {}) == [("redirect_uris", address, None, None)]


AT = "https://portal.example.org"


@pytest.mark.parametrize(
    ("key", "meaning"),
    [
        ("initiate_login_uri", "people are sent to https://evil.test, which is new"),
        ("post_logout_redirect_uris", "people are sent to https://evil.test, which is new"),
        ("backchannel_logout_uri", "ends of sessions are told to https://evil.test, which is new"),
    ],
)
def test_an_address_that_moves_is_marked_if_the_host_is_not_the_services(key: str, meaning: str) -> None:
    def marks(old: str, new: str) -> list[str | None]:
        several = key.endswith("uris")
        before, after = ({key: [value] if several else value} for value in (old, new))
        return [weaker for *_line, weaker in compared(before, after)]

    assert set(marks(f"{AT}/here", "https://evil.test/here")) - {None} == {meaning}
    assert set(marks(f"{AT}/here", f"{AT}/there")) == {None}
    assert set(marks("https://evil.test/here", f"{AT}/here")) == {None}


def test_another_sector_is_marked_where_it_decides() -> None:
    pairwise = {"subject_type": "pairwise", "sector_identifier": "portal.example.org"}
    everybody = {**pairwise, "sector_identifier": "everybody.test"}
    meaning = "it knows people by the same sub as services of everybody.test"
    assert compared(pairwise, everybody)[0][3] == meaning
    # Without the key it is the host of the redirect addresses: the very same.
    assert compared(pairwise, {"subject_type": "pairwise"})[0][3] is None
    public = {"sector_identifier": "portal.example.org"}
    assert compared(public, {"sector_identifier": "everybody.test"})[0][3] is None


def test_keys_from_another_host_are_marked() -> None:
    here, there, evil = (
        {**JWKS, "jwks_uri": address} for address in (f"{AT}/a", f"{AT}/b", "https://evil.test/keys")
    )
    inline = {**JWKS, "jwks": {"keys": [public_jwk("ec")]}}
    published = "whoever publishes keys at https://evil.test is taken for it"
    assert [weaker for *_line, weaker in compared(here, evil)] == [published]
    assert [weaker for *_line, weaker in compared(here, there)] == [None]
    assert {key: weaker for key, _before, _after, weaker in compared(inline, evil)} == {
        "jwks": None,
        "jwks_uri": published,
    }
    assert {key: weaker for key, _before, _after, weaker in compared(here, inline)} == {
        "jwks": "whoever has this key is taken for it",
        "jwks_uri": None,
    }


def test_a_weaker_proof_of_the_service_is_marked() -> None:
    proofs: list[Mapping[str, Any]] = [
        {**JWKS, "jwks": {"keys": [public_jwk("ec")]}},
        {},
        {"token_endpoint_auth_method": "none", "client_secret_sha256": ()},
    ]
    for better, worse in pairwise(proofs):
        down = {key: weaker for key, _before, _after, weaker in compared(better, worse)}
        assert down["token_endpoint_auth_method"] == "it proves less well who it is"
        assert all(weaker is None for *_line, weaker in compared(worse, better))
    by_body = {"token_endpoint_auth_method": "client_secret_post"}
    assert [weaker for *_line, weaker in compared({}, by_body)] == [None]


def test_of_secrets_and_keys_a_part_is_shown_that_is_worth_nothing() -> None:
    [gone, come] = compared({}, {"client_secret_sha256": OTHER})
    assert gone == ("client_secret_sha256", f"{DIGEST[:8]}…", None, None)
    secret = ("client_secret_sha256", None, "00000000…", "whoever has this secret is taken for it")
    assert come == secret
    assert compared({}, {"client_secret_sha256": [DIGEST, OTHER]}) == [secret]
    jwk = public_jwk("ec")
    other = {**public_jwk("rsa"), "kid": jwk["kid"]}
    one, two = ({**JWKS, "jwks": {"keys": [key]}} for key in (jwk, other))
    [(key, before, after, weaker)] = compared(one, two)
    assert (key, weaker) == ("jwks", "whoever has this key is taken for it")
    assert before != after
    second = {**JWKS, "jwks": {"keys": [jwk, {**other, "kid": "second"}]}}
    assert [weaker for *_line, weaker in compared(one, second)] == ["whoever has this key is taken for it"]
    assert [weaker for *_line, weaker in compared(second, one)] == [None]
    assert str(before).startswith(f"{jwk['kid']} (")


def test_how_it_is_written_does_not_count() -> None:
    written = {
        "mfa": "required",
        "assistants": "refused",
        "scope": ["openid"],
        "grant_types": ["authorization_code"],
    }
    assert compared({}, written) == []
    assert compared({"scope": ["openid", "email"]}, {"scope": ["email", "openid"]}) == []


def test_a_service_that_comes_is_marked_wherever_it_is_not_as_strict_as_can_be() -> None:
    one = client(BASE, {"assistants": "allowed", "pkce": "optional"})
    come, gone = changes(None, one), changes(one, None)
    marked = {line.key: line.weaker for line in come}
    assert marked["assistants"] == "assistants are let in"
    assert marked["pkce"] == "a request without PKCE is taken"
    assert marked["profiles"] == "more people are let in"
    assert marked["redirect_uris"] == "people are sent to https://portal.example.org, which is new"
    assert {marked[key] for key in ("client_id", "name", "mfa", "application_type")} == {None}
    assert [(line.key, line.before) for line in gone] == [(line.key, line.after) for line in come]
    assert not any(line.weaker for line in gone)
    assert changes(None, None) == []


def test_of_a_service_that_comes_as_strict_as_can_be_only_whom_it_lets_in_is_marked() -> None:
    strict = {
        **{**JWKS, "jwks": {"keys": [public_jwk("ec")]}, "floor": "mfa", "nonce": "required"},
        **{"consent": "required", "subject_type": "pairwise"},
    }
    marked = {line.key for line in changes(None, client(BASE, strict)) if line.weaker}
    assert marked == {"grant_types", "redirect_uris", "scope", "profiles"}
    guarded_one = {line.key: line.weaker for line in changes(None, guarded({"/": {}, "/b": "public"}))}
    assert guarded_one[f"gateway {HOST}/"] == "opened, it was refused"
    assert guarded_one[f"gateway {HOST}/b"] == "public now, it was refused"


def guarded(rules: Mapping[str, Any], **more: Any) -> Client:
    return client({**GUARDED, "gateway": {HOST: rules}}, more)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"/a": {}}, {"/a": "public"}, [("/a", "{}", "public", "public now: nobody is looked up")]),
        ({"/a": {}}, {"/a": {}, "/b": {}}, [("/b", None, "{}", "opened, it was refused")]),
        ({"/a": {}}, {"/a": {}, "/b": "public"}, [("/b", None, "public", "public now, it was refused")]),
        ({"/": {}}, {"/": {}, "/b": "public"}, [("/b", None, "public", "public now: nobody is looked up")]),
        ({"/": {}}, {"/": {}, "/b": {"acr": "mfa"}}, [("/b", None, "{acr: mfa}", None)]),
        (
            {"/": {}, "/b": {"acr": "mfa"}},
            {"/": {}},
            [("/b", "{acr: mfa}", None, "two factors are no longer demanded here")],
        ),
        ({"/": {}, "/b": {}}, {"/": {}}, [("/b", "{}", None, None)]),
        ({"/": {}, "/b": {}}, {"/": "public"}, [
            ("/", "{}", "public", "public now: nobody is looked up"),
            ("/b", "{}", None, "public now: nobody is looked up"),
        ]),
        ({"/a": "public"}, {"/a": {}}, [("/a", "public", "{}", None)]),
        (
            {"/a": {"profiles": ["insured"]}},
            {"/a": {}},
            [("/a", "{profiles: [insured]}", "{}", "more people are let in here")],
        ),
        (
            {"/a": {"assistants": "refused"}},
            {"/a": {"assistants": "allowed"}},
            [("/a", "{assistants: refused}", "{assistants: allowed}", "assistants are let in here")],
        ),
    ],
)  # fmt: skip
def test_each_path_behind_the_gateway_is_judged_by_the_rule_that_decides_there(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    expected: list[tuple[str, str | None, str | None, str | None]],
) -> None:
    found = changes(guarded(old), guarded(new))
    assert found == [
        Change(f"gateway {HOST}{path}", before, after, weaker) for path, before, after, weaker in expected
    ]


def test_a_new_host_behind_the_gateway_is_marked_with_what_follows_from_it() -> None:
    one = guarded({"/": {}})
    two = client({**GUARDED, "gateway": {HOST: {"/": {}}, "https://new.example.org": {"/": {}}}}, {})
    marked = {line.key: line.weaker for line in changes(one, two)}
    assert marked["gateway https://new.example.org/"] == "opened, it was refused"
    assert marked["redirect_uris"] == "people are sent to https://new.example.org, which is new"


HARMLESS = {"client_id", "name", "id_token_signed_response_alg", "resource_scopes"}
"""What a service is called and is answered by; scopes of its API, which are judged where another file asks for them."""


def test_every_key_has_a_judge_or_is_known_to_be_harmless() -> None:
    assert JUDGES.keys() | HARMLESS == Client.model_fields.keys()
    assert not JUDGES.keys() & HARMLESS
