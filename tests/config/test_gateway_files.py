"""What a client file may say of a service behind the gateway, and what is refused where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from idp.clients.gateway import PathRules, folded
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry, load_client
from idp.commands.config import MODELS
from idp.configuration import read_document
from idp.configuration.reference import json_schema
from tests.config.samples import DIGEST, SCOPES, changed, lines_of

PORTAL = "https://portail.example.org"
RULES = """\
    /: {}
    /static: public
    /compte: {acr: mfa, profiles: [health_professional], assistants: refused}
"""
GUARDED = f"""\
client_id: old
name: Ancien portail
gateway:
  {PORTAL}:
{RULES}scope: [openid, profile]
profiles: [health_professional]
assistants: allowed
"""


def read(text: str, tmp_path: Path) -> Client:
    file = tmp_path / "old.yaml"
    file.write_text(text, encoding="utf-8")
    return load_client(file, SCOPES)


def rules_of(text: str, tmp_path: Path) -> PathRules:
    return read(text, tmp_path).path_rules[PORTAL]


def test_what_a_file_may_leave_out_follows_from_its_hosts(tmp_path: Path) -> None:
    client = read(changed(GUARDED, "scope:", "  http://127.0.0.1:8005:\n    /: {}\nscope:"), tmp_path)
    assert client.redirect_uris == (
        f"{PORTAL}/_gateway/callback",
        "http://127.0.0.1:8005/_gateway/callback",
    )
    assert client.post_logout_redirect_uris[0] == f"{PORTAL}/_gateway/signed-out"
    assert client.initiate_login_uri == f"{PORTAL}/_gateway/login"
    assert client.token_endpoint_auth_method is None
    assert not client.secret_matches("")


def test_the_rules_are_written_back_as_they_were_read(tmp_path: Path) -> None:
    client = read(GUARDED, tmp_path)
    assert client.model_dump(mode="json")["gateway"] == read_document(tmp_path / "old.yaml").data["gateway"]
    assert Client.model_fields["gateway"].default is None


def test_editors_take_the_file_and_still_miss_the_method_of_others(tmp_path: Path) -> None:
    read(GUARDED, tmp_path)
    schema = Draft202012Validator(json.loads(json.dumps(json_schema(MODELS["clients"]))))
    data = read_document(tmp_path / "old.yaml").data
    assert schema.is_valid(data)
    assert not schema.is_valid({key: value for key, value in data.items() if key != "gateway"})
    assert not schema.is_valid({**data, "gateway": {PORTAL: {"/": "open"}}})


@pytest.mark.attack(71)
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            PORTAL,
            "http://portail.example.org",
            f'4:3: gateway."{PORTAL.replace("https", "http")}": https (http',
        ),
        (PORTAL, f"{PORTAL}/", f'4:3: gateway."{PORTAL}/": an origin: scheme, host'),
        (PORTAL, f"{PORTAL}:443", f'4:3: gateway."{PORTAL}:443": an origin: scheme, host'),
        (PORTAL, f"{PORTAL}.", f'4:3: gateway."{PORTAL}.": an absolute address'),
        (
            PORTAL,
            "https://*.example.org",
            '4:3: gateway."https://*.example.org": an exact address, without wildcard',
        ),
        ("/static:", "/static/:", f'6:5: gateway."{PORTAL}"."/static/": a path as /one/two'),
        ("/static:", "static:", f'6:5: gateway."{PORTAL}".static: a path as /one/two'),
        ("/static:", "/a/../b:", f'6:5: gateway."{PORTAL}"."/a/../b": a path as /one/two'),
        ("/static:", "/a%2fb:", f'6:5: gateway."{PORTAL}"."/a%2fb": a path as /one/two'),
        ("/static:", "/static/*:", f'6:5: gateway."{PORTAL}"."/static/*": a path as /one/two'),
        ("/static:", "/_Gateway/x:", f'6:5: gateway."{PORTAL}"."/_Gateway/x": another path, /_gateway is'),
        ("/static:", "/COMPTE:", f'5:5: gateway."{PORTAL}": paths that differ in more than their case'),
        ("public", "open", f'6:14: gateway."{PORTAL}"."/static": public, or keys (acr, profiles, assistants'),
        ("public", "", f'6:5: gateway."{PORTAL}"."/static": public, or keys'),
        ("acr: mfa", "acr: pwd", f'7:20: gateway."{PORTAL}"."/compte".acr: one of mfa'),
        ("acr: mfa", "mfa: required", f'7:15: gateway."{PORTAL}"."/compte".mfa: a known key: one of acr'),
        (
            "profiles: [health_professional], ",
            "profiles: [], ",
            f'7:35: gateway."{PORTAL}"."/compte".profiles: at',
        ),
        (
            "profiles: [health_professional], ",
            "profiles: [insured], ",
            f'7:35: gateway."{PORTAL}"."/compte".profiles: some of the service\'s own: health_professional',
        ),
        (
            RULES,
            "    {}\n",
            f'5:5: gateway."{PORTAL}": at least 1 in the list',
        ),
        (
            "scope:",
            "redirect_uris: [https://a.test/cb]\nscope:",
            "8:16: redirect_uris: nothing, it follows from gateway",
        ),
        (
            "scope:",
            "initiate_login_uri: https://a.test/\nscope:",
            "8:21: initiate_login_uri: nothing, it follows",
        ),
        (
            "scope:",
            "post_logout_redirect_uris: [https://a.test/]\nscope:",
            "8:28: post_logout_redirect_uris: nothing, it follows",
        ),
        (
            "scope:",
            "token_endpoint_auth_method: none\nscope:",
            "8:29: token_endpoint_auth_method: nothing, because the gateway speaks for the service",
        ),
        (
            "scope:",
            f"client_secret_sha256: {DIGEST}\nscope:",
            "8:23: client_secret_sha256: nothing, because the gateway speaks",
        ),
        (
            "scope:",
            "jwks_uri: https://a.test/jwks\nscope:",
            "8:11: jwks_uri: nothing, because the gateway speaks",
        ),
        (
            "scope:",
            "grant_types: [authorization_code, client_credentials]\nscope:",
            "8:14: grant_types: authorization_code only, because of gateway",
        ),
        (
            "scope:",
            "application_type: native\nscope:",
            "4:3: gateway: nothing, unless application_type is web",
        ),
        (
            "[openid, profile]",
            "[openid, offline_access]",
            "8:8: scope: no offline_access, because the gateway keeps the session",
        ),
    ],
)
def test_a_mistake_is_one_line_where_it_stands(old: str, new: str, line: str, tmp_path: Path) -> None:
    text = changed(GUARDED, old, new)
    found = lines_of(lambda: read(text, tmp_path), tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"old.yaml:{line}"), found


@pytest.mark.attack(63)
def test_no_rule_lets_assistants_in_where_the_file_refuses_them(tmp_path: Path) -> None:
    text = changed(
        changed(GUARDED, "assistants: refused}", "assistants: allowed}"), "\nassistants: allowed", ""
    )
    assert lines_of(lambda: read(text, tmp_path), tmp_path) == [
        f'old.yaml:7:70: gateway."{PORTAL}"."/compte".assistants: refused, as the service\'s own key assistants says'
    ]


def test_a_file_without_gateway_has_to_say_how_the_service_proves_who_it_is(tmp_path: Path) -> None:
    text = changed(GUARDED, GUARDED[GUARDED.index("gateway:") : GUARDED.index("scope:")], "")
    assert (
        "old.yaml:1:1: token_endpoint_auth_method: required: one of client_secret_basic, client_secret_post, "
        "private_key_jwt, none"
    ) in lines_of(lambda: read(text, tmp_path), tmp_path)


def test_a_host_belongs_to_one_file(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(GUARDED, encoding="utf-8")
    assert ClientRegistry.load(tmp_path, SCOPES).behind(PORTAL) is not None
    assert ClientRegistry.load(tmp_path, SCOPES).behind(f"{PORTAL}:8443") is None
    again = changed(GUARDED, "client_id: old", "client_id: older")
    # Another port of it is sent the same cookies.
    for origin in (PORTAL, f"{PORTAL}:8443"):
        (tmp_path / "older.yaml").write_text(changed(again, PORTAL, origin), encoding="utf-8")
        assert lines_of(lambda: ClientRegistry.load(tmp_path, SCOPES), tmp_path) == [
            f'older.yaml:4:3: gateway."{origin}": a host name of its own, old has it already'
        ]


def test_several_ports_of_a_host_are_one_service_and_on_loopback_several(tmp_path: Path) -> None:
    both = changed(GUARDED, "scope:", f"  {PORTAL}:8443:\n    /: {{}}\nscope:")
    (tmp_path / "old.yaml").write_text(both, encoding="utf-8")
    assert ClientRegistry.load(tmp_path, SCOPES).behind(f"{PORTAL}:8443") is not None
    for client_id, port in (("old", 8005), ("older", 8006)):
        text = changed(
            changed(GUARDED, "client_id: old", f"client_id: {client_id}"), PORTAL, f"http://127.0.0.1:{port}"
        )
        (tmp_path / f"{client_id}.yaml").write_text(text, encoding="utf-8")
    assert len(ClientRegistry.load(tmp_path, SCOPES)) == 2


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/", "/"),
        ("/static", "/static"),
        ("/static/", "/static"),
        ("/static/app.css", "/static"),
        ("/statics", "/"),
        ("/x/static", "/"),
        ("/compte/rib", "/compte"),
        ("/comptes", "/"),
    ],
)
def test_the_longest_prefix_of_whole_segments_decides(path: str, rule: str, tmp_path: Path) -> None:
    rules = rules_of(GUARDED, tmp_path)
    assert rules.rule_of(path) is rules.by_prefix[rule]


def test_a_format_that_a_rule_names_is_a_page_of_its_own(tmp_path: Path) -> None:
    text = changed(
        GUARDED,
        "    /static: public\n",
        "    /static: public\n    /compte.json: public\n    /.well-known: public\n",
    )
    rules = rules_of(text, tmp_path)
    for path, rule in (
        ("/compte.json", "/compte.json"),
        ("/compte.json/x", "/compte.json"),
        ("/.well-known/x", "/.well-known"),
    ):
        assert rules.rule_of(path) is rules.by_prefix[rule]
    for path in ("/compte.js", "/compte.json.bak"):
        with pytest.raises(ValueError, match="under one rule"):
            rules.rule_of(path)
    assert rules.rule_of("/robots.txt") is rules.by_prefix["/"]


@pytest.mark.parametrize(
    ("rules", "start"),
    [
        ("    /: {}\n    /a: {}\n", "/"),
        ("    /: public\n    /compte/rib: {acr: mfa}\n    /dépôt: {}\n", "/d%C3%A9p%C3%B4t"),
        ("    /ward: {}\n    /a: public\n", "/ward"),
        ("    /logo: public\n    /a: public\n", "/a"),
    ],
)
def test_a_visit_begins_at_the_shortest_page_for_people_who_sign_in(
    rules: str, start: str, tmp_path: Path
) -> None:
    assert rules_of(changed(GUARDED, RULES, rules), tmp_path).start == start


def test_what_has_no_rule_is_open_to_nobody(tmp_path: Path) -> None:
    assert rules_of(changed(GUARDED, "    /: {}\n", ""), tmp_path).rule_of("/other") is None


@pytest.mark.attack(42)
@pytest.mark.parametrize(
    "path",
    [
        "/STATIC/x",
        "/Compte",
        "/static;v=1/x",
        "/compte./x",
        "/compte /x",
        "/%73tatic/x",
        "/ｃompte",
        "/ſtatic",
        "/compte.json",
        "/Compte.json",
        "/static.css/x",
        "/compte;v=1.json",
    ],
)
def test_a_path_that_others_could_read_into_another_rule_has_none(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="under one rule"):
        rules_of(GUARDED, tmp_path).rule_of(path)


def test_folding_a_folded_path_changes_nothing() -> None:
    for path in ("/A%25%34%31;b/ſ. ./x", "/ǅ/İ", "/"):
        assert folded(folded(path)) == folded(path)
