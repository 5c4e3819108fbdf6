"""What `idp clients new` prints for Spring, which cannot run here: its keys are those that Spring Boot has."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from idp.cli import main
from tests.config.samples import SETTINGS

# OAuth2ClientProperties of Spring Boot, as its reference documents them (spring.security.oauth2.client.*).
PROVIDER = {
    "authorization-uri",
    "token-uri",
    "user-info-uri",
    "user-info-authentication-method",
    "user-name-attribute",
    "jwk-set-uri",
    "issuer-uri",
}
REGISTRATION = {
    "provider",
    "client-id",
    "client-secret",
    "client-authentication-method",
    "authorization-grant-type",
    "redirect-uri",
    "scope",
    "client-name",
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("spring")
    (folder / "clients").mkdir()
    (folder / "idp.yaml").write_text(SETTINGS, encoding="utf-8")
    flags = ["--name", "Service", "--framework", "spring", "--address", "https://spring.example.org"]
    more = ["--profile", "insured", "--refresh-tokens", "--json"]
    environment = {"IDP_CONFIG": str(folder / "idp.yaml")}
    made = CliRunner().invoke(main, ["clients", "new", "spring", *flags, *more], env=environment)
    assert made.exit_code == 0, made.output
    return {one["file"]: one["text"] for one in json.loads(made.stdout)["snippets"]}


def test_every_property_is_one_that_spring_boot_has_and_says_what_the_file_says(
    printed: dict[str, str],
) -> None:
    client = YAML(typ="safe").load(printed["application.yaml"])["spring"]["security"]["oauth2"]["client"]
    assert set(client) == {"provider", "registration"}
    provider, registration = client["provider"]["idp"], client["registration"]["idp"]
    assert set(provider) <= PROVIDER
    assert set(registration) <= REGISTRATION
    assert provider["issuer-uri"] == "https://idp.example.org"
    assert registration["client-secret"] == "${OIDC_CLIENT_SECRET}"
    assert registration["redirect-uri"] == "https://spring.example.org/login/oauth2/code/idp"
    assert registration["scope"] == ["openid", "profile", "offline_access"]


def test_the_class_is_whole_and_imports_what_it_names(printed: dict[str, str]) -> None:
    java = printed["SecurityConfiguration.java"]
    for opening, closing in ("()", "{}"):
        assert java.count(opening) == java.count(closing)
    imported = set(re.findall(r"^import .*\.(\w+);$", java, re.MULTILINE))
    code = re.sub(r'^(import|//).*$|"[^"\n]*"', "", java, flags=re.MULTILINE)
    named = set(re.findall(r"\b[A-Z]\w+", code))
    assert named - imported == {"SecurityConfiguration", "Home", "String", "Object", "Exception"}
    assert imported <= named
