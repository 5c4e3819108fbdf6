"""The example of ``plugins/README.md`` is run as it stands there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from idp.clients.registry import ClientRegistry
from idp.oidc.discovery import metadata
from idp.plugins import load_plugins
from tests.config.samples import CLIENT, changed
from tests.plugins.conftest import Install, MakeSettings

README = Path(__file__).parents[2] / "plugins" / "README.md"


@pytest.fixture
def blocks() -> dict[str, list[str]]:
    """Give the code blocks of the page by language."""
    found: dict[str, list[str]] = {}
    for language, block in re.findall(
        r"^```(\w+)\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        found.setdefault(language, []).append(block)
    return found


def test_the_example_is_found_named_allowed_and_gives_its_claim(
    blocks: dict[str, list[str]], install: Install, make_settings: MakeSettings, tmp_path: Path
) -> None:
    (source,), (entry,), (named, allowed) = blocks["python"], blocks["toml"], blocks["yaml"]
    groups = tomllib.loads(entry)["project"]["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in one.items()) for group, one in groups.items()
    ]
    install("employer_claims", source, "".join(lines))
    plugins = load_plugins(make_settings(named))

    file = tmp_path / "clients" / "portal.yaml"
    file.parent.mkdir()
    file.write_text(changed(CLIENT, "scope: [openid]\n", allowed), encoding="utf-8")
    client = ClientRegistry.load(file.parent, frozenset(plugins.scopes)).get("portal")
    assert client is not None
    assert client.scope == {"openid", "employer"}

    person = {"employer_number": "4711", "adeli": "980000123"}
    assert plugins.claims_for(client.scope, person) == {"employer_number": "4711"}
    assert plugins.claims_for(client.scope, {}) == {}
    assert plugins.claims_for(frozenset({"openid"}), person) == {}
    document = json.loads(metadata("https://idp.test", [], plugins.scopes, ["fr"]))
    assert "employer" in document["scopes_supported"]
    assert "employer_number" in document["claims_supported"]


def test_the_page_shows_every_plugin_that_is_here() -> None:
    text = README.read_text("utf-8")
    for plugin in README.parent.glob("*/__init__.py"):
        assert f"`{plugin.parent.name}/`" in text
