"""What a client says about itself once it is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from idp.clients.model import Client
from idp.clients.registry import ClientRegistry, load_client
from idp.rules.assurance import Policy
from tests.config.samples import CLIENT, DIGEST, SCOPES, SECRET, changed, lines_of


def client(**changes: Any) -> Client:
    values: dict[str, Any] = {
        "client_id": "portal",
        "name": "Portail",
        "redirect_uris": ["https://portal.example.org/cb"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "scope": ["openid"],
        "profiles": ["insured"],
    }
    return Client(**{**values, **changes})


def test_the_defaults_are_the_strict_ones() -> None:
    quiet = client()
    assert quiet.assistants == "refused"
    assert quiet.pkce == "required"
    assert quiet.mfa == Policy.required()
    assert quiet.id_token_signed_response_alg == "RS256"
    assert quiet.post_logout_redirect_uris == ()
    assert quiet.initiate_login_uri is None


def test_each_of_two_secrets_matches_while_the_secret_changes() -> None:
    rotating = client(client_secret_sha256=["1" * 64, DIGEST])
    assert rotating.secret_matches(SECRET)


@pytest.mark.parametrize("wrong", ["", SECRET + " ", SECRET.upper(), DIGEST, "é", "\ud800"])
def test_another_secret_does_not_match(wrong: str) -> None:
    assert not client().secret_matches(wrong)


def test_a_public_client_has_no_secret_that_matches() -> None:
    public = client(token_endpoint_auth_method="none", client_secret_sha256=())
    assert not public.secret_matches("")
    assert public.pkce == "required"


def test_the_origins_are_those_of_the_redirect_addresses() -> None:
    addresses = ["https://a.example.org/1", "https://a.example.org/2", "http://127.0.0.1:8001/cb"]
    several = client(redirect_uris=addresses)
    assert several.redirect_origins == {"https://a.example.org", "http://127.0.0.1:8001"}


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("optional", Policy.optional()),
        ("required", Policy.required()),
        ({"required_from": "2026-03-01"}, Policy.required_from(date(2026, 3, 1))),
        ("required_from: 2026-03-01", Policy.required_from(date(2026, 3, 1))),
        (Policy.optional(), Policy.optional()),
    ],
)
def test_a_policy_is_read_and_written_back(written: object, policy: Policy) -> None:
    read = client(mfa=written)
    assert read.mfa == policy
    assert client(mfa=read.model_dump(mode="json")["mfa"]).mfa == policy


def test_a_client_never_changes() -> None:
    with pytest.raises(ValidationError):
        client().assistants = "allowed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "portal.yaml").write_text(CLIENT, encoding="utf-8")
    return tmp_path


def test_the_registry_finds_a_client_by_its_exact_identifier(folder: Path) -> None:
    registry = ClientRegistry.load(folder, SCOPES)
    found = registry.get("portal")
    assert found == load_client(folder / "portal.yaml", SCOPES)
    assert list(registry) == [found]
    assert registry.get("Portal") is None
    assert registry.get("portal ") is None


def test_an_empty_folder_is_a_registry_without_clients(tmp_path: Path) -> None:
    assert len(ClientRegistry.load(tmp_path, SCOPES)) == 0


def test_errors_of_all_files_are_told_together_by_path_and_place(folder: Path) -> None:
    (folder / "b.yaml").write_text(
        changed(CLIENT, "client_id: portal", "client_id: b\nx: 1"), encoding="utf-8"
    )
    (folder / "a.yaml").write_text("- no\n", encoding="utf-8")
    assert [
        line.split(": ")[0] for line in lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder)
    ] == [
        "a.yaml:1:1",
        "b.yaml:2:1",
    ]


def test_a_second_file_of_the_same_client_is_refused(folder: Path) -> None:
    (folder / "copy.yaml").write_text(CLIENT, encoding="utf-8")
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == [
        "copy.yaml:1:12: client_id: the name of the file without .yaml"
    ]


def test_two_files_that_serve_the_same_api_are_refused_at_the_second(folder: Path) -> None:
    served = CLIENT + "resource_identifier: https://portal.example.org/api\n"
    (folder / "portal.yaml").write_text(served, encoding="utf-8")
    (folder / "copy.yaml").write_text(
        changed(served, "client_id: portal", "client_id: copy"), encoding="utf-8"
    )
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == [
        "portal.yaml:9:22: resource_identifier: an identifier of its own, copy.yaml has it already"
    ]


def test_tokens_may_be_asked_for_the_apis_and_scopes_of_other_files_alone(folder: Path) -> None:
    asking = changed(CLIENT, "[openid]", "[openid, files.read]") + "resources: [https://files.test]\n"
    (folder / "portal.yaml").write_text(asking, encoding="utf-8")
    told = lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder)
    assert [line.partition(": one of")[0] for line in told] == [
        "portal.yaml:7:17: scope[1]: a scope that is offered",
        "portal.yaml:9:13: resources[0]: the resource_identifier of a client file",
    ]
    served = "resource_identifier: https://files.test\nresource_scopes: [files.read]\n"
    files = changed(CLIENT, "client_id: portal", "client_id: files") + served
    (folder / "files.yaml").write_text(files, encoding="utf-8")
    serving = ClientRegistry.load(folder, SCOPES).serving("https://files.test")
    assert serving is not None
    assert serving.client_id == "files"


def test_a_pairwise_service_asks_for_no_token_that_names_people_by_another_sub(folder: Path) -> None:
    asking = changed(CLIENT, "scope:", "subject_type: pairwise\nsector_identifier: funds.test\nscope:")
    served = {"open": "", "near": "funds.test", "far": "others.test"}
    listed = "".join(f"  - https://{name}.test\n" for name in served)
    (folder / "portal.yaml").write_text(f"{asking}resources:\n{listed}", encoding="utf-8")
    for name, sector in served.items():
        text = changed(CLIENT, "client_id: portal", f"client_id: {name}")
        known = f"sector_identifier: {sector}\nsubject_type: pairwise\n" if sector else ""
        text += f"{known}resource_identifier: https://{name}.test\n"
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == [
        "portal.yaml:12:5: resources[0]: an API of its own sector, open knows people by another sub",
        "portal.yaml:14:5: resources[2]: an API of its own sector, far knows people by another sub",
    ]
    for_itself = changed(
        changed(asking, "redirect_uris:\n  - https://portal.example.org/callback\n", ""),
        "scope: [openid]",
        "grant_types: [client_credentials]\nscope: []",
    )
    (folder / "portal.yaml").write_text(f"{for_itself}resources:\n{listed}", encoding="utf-8")
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == []


@pytest.mark.parametrize("name", ["profile", "offline_access", "practitioner"])
def test_an_api_has_no_scope_that_speaks_of_people_at_the_provider(folder: Path, name: str) -> None:
    served = f"resource_identifier: https://files.test\nresource_scopes: [files.read, {name}]\n"
    (folder / "portal.yaml").write_text(CLIENT + served, encoding="utf-8")
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == [
        "portal.yaml:10:31: resource_scopes[1]: a scope of its own, this one speaks of people at the provider itself"
    ]


def test_a_file_that_would_be_overlooked_is_refused(folder: Path) -> None:
    (folder / "other.yml").write_text(CLIENT, encoding="utf-8")
    (folder / "README.md").write_text("not a client", encoding="utf-8")
    assert lines_of(lambda: ClientRegistry.load(folder, SCOPES), folder) == [
        "other.yml:1:1: file: a name that ends with .yaml"
    ]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert lines_of(lambda: ClientRegistry.load(tmp_path / "none", SCOPES), tmp_path) == [
        "none:1:1: file: a readable folder of client files (No such file or directory)"
    ]


def test_a_scope_of_a_plugin_is_known_only_while_the_plugin_offers_it(folder: Path) -> None:
    text = changed(CLIENT, "[openid]", "[openid, practitioner]")
    (folder / "portal.yaml").write_text(text, encoding="utf-8")
    assert ClientRegistry.load(folder, SCOPES).get("portal") is not None
    assert len(lines_of(lambda: ClientRegistry.load(folder, frozenset()), folder)) == 1


@pytest.mark.parametrize(
    ("changes", "sector"),
    [
        ({}, "portal.example.org"),
        ({"redirect_uris": ["https://a.test/1", "https://a.test:8443/2"]}, "a.test"),
        ({"sector_identifier": "funds.example.org"}, "funds.example.org"),
        ({"redirect_uris": ["http://127.0.0.1:8001/cb"]}, "client_id:portal"),
        (
            {"application_type": "native", "redirect_uris": ["org.example.app:/cb", "http://[::1]/cb"]},
            "client_id:portal",
        ),
    ],
    ids=["host", "ports", "named", "loopback", "native"],
)
def test_a_sector_is_what_is_named_or_the_host_or_where_it_has_none_the_client_alone(
    changes: dict[str, Any], sector: str
) -> None:
    assert client(subject_type="pairwise", **changes).sector == sector


@pytest.mark.parametrize(
    "addresses",
    [
        ["https://a.test/cb", "https://b.test/cb"],
        ["https://a.test/cb", "http://127.0.0.1:8001/cb"],
    ],
    ids=["two_hosts", "a_host_and_loopback"],
)
def test_pairwise_over_several_hosts_needs_the_name_of_its_sector(addresses: list[str]) -> None:
    with pytest.raises(ValidationError, match="pairwise needs sector_identifier"):
        client(subject_type="pairwise", redirect_uris=addresses)
    assert client(subject_type="public", redirect_uris=addresses)
    assert client(subject_type="pairwise", redirect_uris=addresses, sector_identifier="a.test")


def test_pairwise_without_any_address_needs_the_name_of_its_sector() -> None:
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "subject_type": "pairwise"}
    with pytest.raises(ValidationError, match="pairwise needs sector_identifier"):
        client(**machine)
    assert client(**machine, sector_identifier="machines").sector == "machines"
