"""What is wrong in a client file: one exact line each."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.clients.model import Client
from idp.clients.registry import load_client
from idp.configuration import ConfigurationError, ConfigurationErrors
from tests.config.samples import CLIENT, DIGEST, SCOPES, changed, lines_of

CALLBACK = "https://portal.example.org/callback"
METHOD = "token_endpoint_auth_method: client_secret_basic\n"
DIGEST_EXPECTED = "the SHA-256 of a secret, 64 lower-case hexadecimal digits"
POLICY_EXPECTED = "optional, required, or required_from: YYYY-MM-DD"


def lines(text: str, tmp_path: Path) -> list[str]:
    file = tmp_path / "portal.yaml"
    file.write_text(text, encoding="utf-8")
    return lines_of(lambda: load_client(file, SCOPES), tmp_path)


def test_the_smallest_client_is_valid(tmp_path: Path) -> None:
    assert lines(CLIENT, tmp_path) == []


@pytest.mark.attack(71)
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (CALLBACK, "https://*.example.org/cb", "4:5: redirect_uris[0]: an exact address, without wildcard"),
        (
            CALLBACK,
            "http://portal.example.org/cb",
            "4:5: redirect_uris[0]: https (http only on 127.0.0.1, [::1] or localhost)",
        ),
        (CALLBACK, f"{CALLBACK}#top", "4:5: redirect_uris[0]: an address without fragment (#)"),
        (
            CALLBACK,
            f"{CALLBACK}\n  - {CALLBACK}",
            "4:3: redirect_uris: each entry once",
        ),
        (
            "client_secret_basic",
            "none",
            "6:23: client_secret_sha256: no secret, because token_endpoint_auth_method is none",
        ),
        (
            f"{METHOD}client_secret_sha256: {DIGEST}",
            "token_endpoint_auth_method: none\npkce: optional",
            "6:7: pkce: required, because token_endpoint_auth_method is none",
        ),
        (
            "redirect_uris:",
            "redirect_uri:",
            "3:1: redirect_uri: a known key: did you mean redirect_uris?",
        ),
        (
            "[insured]",
            "[insured]\nzzz: 1",
            f"9:1: zzz: a known key: one of {', '.join(sorted(Client.model_fields))}",
        ),
    ],
    ids=[
        "wildcard",
        "http",
        "fragment",
        "twice",
        "none_with_secret",
        "none_without_pkce",
        "misspelt",
        "unknown",
    ],
)
def test_a_dangerous_or_unknown_line_is_refused_where_it_stands(
    old: str, new: str, line: str, tmp_path: Path
) -> None:
    assert f"portal.yaml:{line}" in lines(changed(CLIENT, old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("client_id: portal", "client_id: other", "1:12: client_id: the name of the file without .yaml"),
        (
            "client_id: portal",
            "client_id: 0123",
            "1:12: client_id: a decimal number without leading zeros or underscores, or a text in quotes",
        ),
        (
            "client_id: portal",
            "client_id: 123",
            "1:12: client_id: a text (in quotes if it reads like a number)",
        ),
        (
            "client_id: portal",
            "client_id: a/b",
            "1:12: client_id: The service's identifier: 1 to 64 letters, digits, `.`, `_` or `-`; "
            "the file's name without `.yaml`.",
        ),
        ("name: Portail", "name:", "2:1: name: a text (in quotes if it reads like a number)"),
        ("name: Portail", 'name: "a\\nb"', "2:7: name: one line of printable text, without blanks around it"),
        (
            "name: Portail\n",
            "",
            "1:1: name: required: The service's name as people see it, in French; up to 80 characters.",
        ),
        ("[openid]", "[profile]", "7:8: scope: a list with openid"),
        ("[openid]", "openid", "7:8: scope: a list"),
        ("[openid]", "[openid, profil]", "7:17: scope[1]: a scope that is offered: did you mean profile?"),
        ("[openid]", "[openid, openid]", "7:8: scope: each entry once"),
        ("[openid]", "[openid, on]", "7:17: scope[1]: a scope that is offered: one of address"),
        ("[insured]", "[]", "8:11: profiles: at least 1 in the list"),
        (
            "[insured]",
            "[doctor]",
            "8:12: profiles[0]: one of health_professional, insured or employer",
        ),
        ("[insured]", "[insured]\nassistants: yes", "9:13: assistants: one of allowed or refused"),
        (
            "[insured]",
            "[insured]\nresource_identifier: https://a.test/#b",
            "9:22: resource_identifier: an address without fragment (#)",
        ),
        (
            "[insured]",
            "[insured]\nresource_identifier: api",
            "9:22: resource_identifier: an absolute address",
        ),
        (
            "[insured]",
            '[insured]\nresource_scopes: ["a b"]',
            "9:19: resource_scopes[0]: a scope (RFC 6749 §3.3)",
        ),
        (
            METHOD,
            "token_endpoint_auth_method: none\ngrant_types: ['urn:ietf:params:oauth:grant-type:token-exchange']\n",
            "6:14: grant_types: authorization_code only, because token_endpoint_auth_method is none",
        ),
        ("[insured]", "[insured]\nconsent: asked", "9:10: consent: one of implicit or required"),
        ("[insured]", "[insured]\nfloor: true", "9:8: floor: one of pwd or mfa"),
        ("[insured]", "[insured]\nmfa: {required_from: soon}", f"9:6: mfa: {POLICY_EXPECTED}"),
        ("[insured]", "[insured]\nmfa: {from: 2026-03-01}", f"9:6: mfa: {POLICY_EXPECTED}"),
        (
            "[insured]",
            "[insured]\nmfa: {required_from: 2026-02-30}",
            "9:6: mfa: required_from: a day of the calendar, YYYY-MM-DD",
        ),
        ("[insured]", "[insured]\nname: again", "9:1: name: this key once; it already stands in line 2"),
        ("[insured]", "[insured]\n? [a]\n: b", "9:3: file: a plain text as key"),
        (
            f"client_secret_sha256: {DIGEST}\n",
            "",
            "1:1: client_secret_sha256: required: the SHA-256 of the service's secret, 64 lower-case",
        ),
        (DIGEST, DIGEST.upper(), f"6:23: client_secret_sha256[0]: {DIGEST_EXPECTED}"),
        (DIGEST, f"[{DIGEST}, {'f' * 63}]", f"6:90: client_secret_sha256[1]: {DIGEST_EXPECTED}"),
        (
            DIGEST,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            f"6:23: client_secret_sha256[0]: {DIGEST_EXPECTED}",
        ),
        (DIGEST, f"[{'1' * 64}, {'a' * 64}, {'b' * 64}]", "6:24: client_secret_sha256[0]: a decimal number"),
        (
            DIGEST,
            f"[{'c' * 64}, {'a' * 64}, {'b' * 64}]",
            "6:23: client_secret_sha256: at most 2 in the list",
        ),
    ],
)
def test_each_mistake_is_one_line_with_its_place(old: str, new: str, line: str, tmp_path: Path) -> None:
    found = lines(changed(CLIENT, old, new), tmp_path)
    assert any(each.startswith(f"portal.yaml:{line}") for each in found), found


def test_all_mistakes_of_a_file_are_told_together_in_order(tmp_path: Path) -> None:
    text = changed(changed(CLIENT, "[openid]", "[openid, nothing]"), CALLBACK, "ftp://x")
    assert lines(changed(text, "name: Portail", "names: Portail"), tmp_path) == [
        f"portal.yaml:1:1: name: required: {Client.model_fields['name'].description}",
        "portal.yaml:2:1: names: a known key: did you mean name?",
        "portal.yaml:4:5: redirect_uris[0]: an absolute address, https://host/…, "
        "scheme and host in lower case",
        "portal.yaml:7:17: scope[1]: a scope that is offered: one of address, assistants:manage, email, "
        "offline_access, openid, phone, practitioner, profile",
    ]


def test_a_value_is_never_repeated_in_an_error(tmp_path: Path) -> None:
    found = lines(changed(CLIENT, DIGEST, "the-secret-itself"), tmp_path)
    assert found == [f"portal.yaml:6:23: client_secret_sha256[0]: {DIGEST_EXPECTED}"]


def test_addresses_are_kept_as_typed(tmp_path: Path) -> None:
    file = tmp_path / "portal.yaml"
    file.write_text(changed(CLIENT, CALLBACK, "https://portal.example.org:443/"), encoding="utf-8")
    assert load_client(file, SCOPES).redirect_uris == ("https://portal.example.org:443/",)


def is_client_or_errors(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "portal.yaml")
        file.write_bytes(content)
        errors: tuple[ConfigurationError, ...] = ()
        try:
            load_client(file, SCOPES)
        except ConfigurationErrors as found:
            errors = found.errors
        assert all(str(error).isprintable() and min(error.line, error.column) >= 1 for error in errors)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_client_or_errors_of_configuration(content: bytes) -> None:
    is_client_or_errors(content)


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(0, len(CLIENT)), st.integers(0, 20))
def test_a_damaged_client_gives_a_client_or_errors_of_configuration(insert: str, at: int, gone: int) -> None:
    is_client_or_errors((CLIENT[:at] + insert + CLIENT[at + gone :]).encode("utf-8", "replace"))


words = st.text(max_size=5)
plain = st.none() | st.booleans() | st.integers() | st.floats() | words
values = plain | st.lists(plain, max_size=3) | st.dictionaries(words, plain, max_size=2)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*Client.model_fields, "other"]), values, max_size=8))
def test_values_of_any_shape_give_a_client_or_errors_of_configuration(file: dict[str, object]) -> None:
    is_client_or_errors(json.dumps(file).encode())


def test_an_unknown_sector_is_said_where_pairwise_stands(tmp_path: Path) -> None:
    two = changed(CLIENT, "scope:", "subject_type: pairwise\nscope:")
    two = changed(two, "/callback\n", "/callback\n  - https://other.example.org/callback\n")
    assert (
        "portal.yaml:8:15: subject_type: pairwise needs sector_identifier, because redirect_uris are of several "
        "hosts or none"
    ) in lines(two, tmp_path)
    assert (
        "portal.yaml:7:20: sector_identifier: one line of printable text, without blanks around it"
        in lines(changed(CLIENT, "scope:", 'sector_identifier: "a\\tb"\nscope:'), tmp_path)
    )
