"""The keys of `private_key_jwt` in a client file: strong, public, for signatures; one exact line for each mistake."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from idp.clients.registry import load_client
from tests.assertions import private_key, public_jwk
from tests.config.samples import CLIENT, DIGEST, changed, lines_of

BASE = changed(
    changed(CLIENT, "client_secret_basic", "private_key_jwt"), f"client_secret_sha256: {DIGEST}\n", ""
)
EITHER = "either jwks or jwks_uri, because token_endpoint_auth_method is private_key_jwt"
ONLY = "nothing, unless token_endpoint_auth_method is private_key_jwt"


def lines(text: str, folder: Path) -> list[str]:
    file = folder / "portal.yaml"
    file.write_text(text, encoding="utf-8")
    return lines_of(lambda: load_client(file, None), folder)


def with_keys(*keys: object, more: str = "") -> str:
    return f"{BASE}jwks: {json.dumps({'keys': keys})}\n{more}"


def of_keys(folder: Path, *keys: object) -> list[str]:
    """Return what is said of `jwks`; that there is none then is no second line."""
    prefix = "portal.yaml:8:7: jwks: "
    found = lines(with_keys(*keys), folder)
    assert all(line.startswith(prefix) for line in found)
    return [line.removeprefix(prefix) for line in found]


def rsa(bits: int) -> dict[str, Any]:
    modulus = (2 ** (bits - 1) + 1).to_bytes((bits + 7) // 8)
    return {
        "kty": "RSA",
        "kid": "rsa",
        "e": "AQAB",
        "n": base64.urlsafe_b64encode(modulus).decode().rstrip("="),
    }


def test_each_kind_of_key_is_taken(tmp_path: Path) -> None:
    assert of_keys(tmp_path, *map(public_jwk, ("rsa", "ec", "okp"))) == []
    client = load_client(tmp_path / "portal.yaml", None)
    assert [key.algorithms for key in client.public_keys] == [("RS256", "PS256"), ("ES256",), ("EdDSA",)]
    assert [key.kid for key in client.public_keys] == ["rsa", "ec", "okp"]
    assert all(not key.key.is_private for key in client.public_keys)


@pytest.mark.attack(71)
@pytest.mark.parametrize("bits", [1024, 2047, 4104])
def test_a_weak_or_costly_rsa_key_is_refused(bits: int, tmp_path: Path) -> None:
    assert of_keys(tmp_path, rsa(2048), rsa(4096)) == ["a kid of its own for each key"]
    assert of_keys(tmp_path, public_jwk("ec"), rsa(bits)) == ["keys[1]: RSA with 2048 to 4096 bits"]


@pytest.mark.attack(71)
@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("ec", {"kid": None}, "kid: required"),
        ("ec", {"kid": ""}, "kid: a text"),
        ("ec", {"kid": 7}, "kid: a text"),
        ("ec", {"crv": "P-384"}, "crv: P-256"),
        ("ec", {"crv": "secp256k1"}, "crv: P-256"),
        ("okp", {"crv": "X25519"}, "crv: Ed25519"),
        ("okp", {"crv": "Ed448"}, "crv: Ed25519"),
        ("ec", {"kty": "oct"}, "kty: RSA, EC, OKP"),
        ("ec", {"kty": ["EC"]}, "kty: RSA, EC, OKP"),
        ("ec", {"use": "enc"}, "a key for signatures (use: sig)"),
        ("ec", {"key_ops": ["sign"]}, "a key for signatures (use: sig)"),
        ("ec", {"key_ops": "verify"}, "a key for signatures (use: sig)"),
        ("ec", {"alg": "RS256"}, "alg: ES256, or none"),
        ("rsa", {"alg": "HS256"}, "alg: RS256 or PS256, or none"),
        ("rsa", {"n": None}, "RSA with 2048 to 4096 bits"),
        ("rsa", {"n": "é"}, "RSA with 2048 to 4096 bits"),
        ("rsa", {"e": "AQ"}, "the members that its kty needs (RFC 7518 §6)"),
        ("rsa", {"e": None}, "the members that its kty needs (RFC 7518 §6)"),
        ("ec", {"y": None}, "the members that its kty needs (RFC 7518 §6)"),
        ("ec", {"x": "AAAA"}, "the members that its kty needs (RFC 7518 §6)"),
        ("okp", {"x": 5}, "the members that its kty needs (RFC 7518 §6)"),
    ],
)
def test_a_key_that_verifies_nothing_is_refused(
    name: str, changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    key = {member: value for member, value in {**public_jwk(name), **changes}.items() if value is not None}
    assert of_keys(tmp_path, key) == [f"keys[0]: {expected}"]


@pytest.mark.attack(71)
def test_a_private_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for secret in (
        {**private_key("ec").as_dict(private=True), "kid": "ec"},
        {**private_key("rsa").as_dict(private=True), "kid": "rsa"},
        {**OctKey.generate_key(256).as_dict(private=True), "kid": "oct"},
    ):
        assert of_keys(tmp_path, secret) == ["keys[0]: a public key, without private members"]


@pytest.mark.parametrize("jwks", ["{}", "{keys: []}", "{keys: {}}", "{keys: text}", "{keys: [], more: 1}"])
def test_what_is_no_key_set_is_refused(jwks: str, tmp_path: Path) -> None:
    assert lines(f"{BASE}jwks: {jwks}\n", tmp_path) == [
        "portal.yaml:8:7: jwks: keys: a list of 1 to 50 public keys (RFC 7517 §4)"
    ]


def test_a_kid_stands_once(tmp_path: Path) -> None:
    twice = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "ec"}
    assert of_keys(tmp_path, public_jwk("ec"), twice) == ["a kid of its own for each key"]


def test_keys_stand_in_the_file_or_at_an_address(tmp_path: Path) -> None:
    keys = f"jwks: {json.dumps({'keys': [public_jwk('ec')]})}\n"
    address = "jwks_uri: https://portal.example.org/keys\n"
    assert lines(BASE + keys, tmp_path) == lines(BASE + address, tmp_path) == []
    assert lines(BASE, tmp_path) == [f"portal.yaml:1:1: jwks_uri: {EITHER}"]
    assert lines(BASE + keys + address, tmp_path) == [f"portal.yaml:9:11: jwks_uri: {EITHER}"]


@pytest.mark.attack(32)
@pytest.mark.parametrize(
    "address",
    [
        "http://portal.example.org/keys",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://user@portal.example.org/keys",
        "https://portal.example.org/keys#first",
    ],
)
def test_an_address_that_is_not_plainly_https_is_refused(address: str, tmp_path: Path) -> None:
    (line,) = lines(f"{BASE}jwks_uri: {address}\n", tmp_path)
    assert line.startswith("portal.yaml:8:11: jwks_uri: ")


@pytest.mark.parametrize(
    "line",
    [
        f"jwks: {json.dumps({'keys': [public_jwk('ec')]})}",
        "jwks_uri: https://portal.example.org/keys",
        "token_endpoint_auth_signing_alg: ES256",
    ],
    ids=["jwks", "jwks_uri", "alg"],
)
def test_a_client_with_a_secret_has_no_keys(line: str, tmp_path: Path) -> None:
    key = line.partition(": ")[0]
    column = len(key) + 3
    assert lines(f"{CLIENT}{line}\n", tmp_path) == [f"portal.yaml:9:{column}: {key}: {ONLY}"]


def test_a_client_with_keys_has_no_secret(tmp_path: Path) -> None:
    both = with_keys(public_jwk("ec"), more=f"client_secret_sha256: {DIGEST}\n")
    assert lines(both, tmp_path) == [
        "portal.yaml:9:23: client_secret_sha256: no secret, because token_endpoint_auth_method is private_key_jwt"
    ]


def test_the_only_algorithm_is_one_that_a_key_makes(tmp_path: Path) -> None:
    fixed = "token_endpoint_auth_signing_alg: PS256\n"
    assert lines(with_keys(public_jwk("rsa"), more=fixed), tmp_path) == []
    assert lines(f"{BASE}jwks_uri: https://portal.example.org/keys\n{fixed}", tmp_path) == []
    assert lines(with_keys(public_jwk("ec"), more=fixed), tmp_path) == [
        "portal.yaml:9:34: token_endpoint_auth_signing_alg: a signature that a key of jwks makes"
    ]
