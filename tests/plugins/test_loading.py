"""Plugins are found by entry point, do nothing until they are named, and stop the start when they cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli import main
from idp.plugins import PluginError, load_plugins
from tests.plugins.conftest import Install, MakeSettings

CLAIMS = """\
class Extra:
    scopes = {"extra": ("colour",)}

    def __init__(self, settings):
        pass

    def claims(self, scopes, attributes):
        return {"colour": "blue", "email": "taken@example.org", "acr": "mfa", "act": {"sub": "me"}, "sub": "me"}
"""
FACTOR = """\
class Pin:
    def __init__(self, settings):
        pass

    def hash(self, password):
        return password

    def verify(self, stored, password):
        return None

    def accepts(self, phc):
        return False
"""
CLAIMS_ENTRY = "[idp.claims]\nextra = plugin_extra:Extra\n"
FACTOR_ENTRY = "[idp.factors]\npin = plugin_pin:Pin\n"


def refusal(make_settings: MakeSettings, more: str) -> str:
    with pytest.raises(PluginError) as refused:
        load_plugins(make_settings(more))
    return str(refused.value)


def test_the_named_plugins_are_loaded_and_bring_their_scopes(make_settings: MakeSettings) -> None:
    plugins = load_plugins(make_settings())
    assert type(plugins.knowledge).__name__ == "PasswordFactor"
    assert type(plugins.possession).__name__ == "TotpFactor"
    assert plugins.scopes == {"practitioner": ("matricule_csm", "adeli")}


def test_no_claims_plugin_need_be_named(make_settings: MakeSettings) -> None:
    plugins = load_plugins(make_settings("plugins: {claims: []}\n"))
    assert plugins.scopes == {}
    assert plugins.claims_for(frozenset({"practitioner"}), {"adeli": "98"}) == {}


def test_an_installed_plugin_that_is_not_named_is_not_even_imported(
    make_settings: MakeSettings, install: Install
) -> None:
    install("plugin_extra", "raise SystemExit('imported')\n", CLAIMS_ENTRY)
    install("plugin_pin", "raise SystemExit('imported')\n", FACTOR_ENTRY)
    assert set(load_plugins(make_settings()).scopes) == {"practitioner"}
    assert not {"plugin_extra", "plugin_pin"} & sys.modules.keys()


@pytest.mark.attack(39)
def test_a_plugin_gives_its_own_claims_for_its_own_scope_and_nothing_else(
    make_settings: MakeSettings, install: Install
) -> None:
    install("plugin_extra", CLAIMS, CLAIMS_ENTRY)
    plugins = load_plugins(make_settings("plugins: {claims: [health, extra]}\n"))
    assert set(plugins.scopes) == {"practitioner", "extra"}
    assert plugins.claims_for(frozenset({"openid", "extra"}), {}) == {"colour": "blue"}
    assert plugins.claims_for(frozenset({"openid", "practitioner"}), {"adeli": "98"}) == {"adeli": "98"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            "plugins: {claims: [absent]}\n",
            "no plugin 'absent' is installed in idp.claims (installed: health)",
        ),
        (
            "plugins: {factors: [password, absent]}\n",
            "no plugin 'absent' is installed in idp.factors (installed: password, totp)",
        ),
        (
            "plugins: {factors: [password]}\n",
            "plugins.factors must name exactly one factor of what the person holds (totp)",
        ),
        (
            "plugins: {factors: [totp]}\n",
            "plugins.factors must name exactly one factor of what the person knows (password)",
        ),
        (
            "plugins: {factors: [password, password, totp]}\n",
            "plugins.factors must name exactly one factor of what the person knows (password)",
        ),
        (
            "plugins: {claims: [health, health]}\n",
            "plugins.claims must not name two plugins that bring the same scope",
        ),
    ],
)
def test_what_the_settings_name_wrongly_is_one_line(
    make_settings: MakeSettings, more: str, expected: str
) -> None:
    assert refusal(make_settings, more) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'", id="import"),
        pytest.param("class (:\n", "SyntaxError: ", id="syntax"),
        pytest.param("", "AttributeError: module 'plugin_extra' has no attribute 'Extra'", id="no such name"),
        pytest.param("Extra = 1\n", "TypeError: 'int' object is not callable", id="not callable"),
        pytest.param("class Extra: pass\n", "TypeError: Extra() takes no arguments", id="takes no settings"),
        pytest.param(
            "def Extra(_): raise OSError('two\\nlines')\n", "OSError: two lines", id="fails at the start"
        ),
    ],
)
def test_a_plugin_that_fails_is_one_line_that_says_why(
    make_settings: MakeSettings, install: Install, source: str, expected: str
) -> None:
    install("plugin_extra", source, CLAIMS_ENTRY)
    line = refusal(make_settings, "plugins: {claims: [extra]}\n")
    assert line.startswith(f"plugin 'extra' of idp.claims fails: {expected}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("def claims", "def other", "must have a mapping `scopes` and a method `claims`"),
        ("    scopes =", "    other =", "must have a mapping `scopes` and a method `claims`"),
        ('{"extra": ("colour",)}', '("extra",)', "must have a mapping `scopes` and a method `claims`"),
        ('("colour",)', '"colour"', "scope 'extra' must have a tuple of claims"),
        ('("colour",)', '("colour", "acr")', "none of which only the protocol sets"),
        ('{"extra"', '{"openid"', "must not bring the standard scope 'openid'"),
        ('{"extra"', '{"email"', "must not bring the standard scope 'email'"),
    ],
)
def test_a_claims_plugin_of_the_wrong_shape_or_with_the_names_of_others_is_refused(
    make_settings: MakeSettings, install: Install, old: str, new: str, expected: str
) -> None:
    assert CLAIMS.count(old) == 1
    install("plugin_extra", CLAIMS.replace(old, new), CLAIMS_ENTRY)
    line = refusal(make_settings, "plugins: {claims: [extra]}\n")
    assert line.startswith("plugin 'extra' of idp.claims")
    assert expected in line


def test_two_factors_of_what_the_person_knows_are_refused(
    make_settings: MakeSettings, install: Install
) -> None:
    install("plugin_pin", FACTOR, FACTOR_ENTRY)
    line = refusal(make_settings, "plugins: {factors: [password, pin, totp]}\n")
    assert line == "plugins.factors must name exactly one factor of what the person knows (password)"


def test_another_factor_of_what_the_person_knows_takes_the_place_of_ours(
    make_settings: MakeSettings, install: Install
) -> None:
    install("plugin_pin", FACTOR, FACTOR_ENTRY)
    plugins = load_plugins(make_settings("plugins: {factors: [totp, pin]}\n"))
    assert type(plugins.knowledge).__name__ == "Pin"


@pytest.mark.parametrize("missing", ["def hash", "def verify", "def accepts"])
def test_a_factor_of_no_known_kind_is_refused(
    make_settings: MakeSettings, install: Install, missing: str
) -> None:
    install("plugin_pin", FACTOR.replace(missing, "def other"), FACTOR_ENTRY)
    line = refusal(make_settings, "plugins: {factors: [password, totp, pin]}\n")
    assert line.startswith("plugin 'pin' of idp.factors must have the methods of one kind of factor: `hash`")


def test_two_installed_plugins_of_one_name_are_refused_instead_of_one_chosen(
    make_settings: MakeSettings, install: Install
) -> None:
    install("plugin_pin", FACTOR, "[idp.factors]\npassword = plugin_pin:Pin\n")
    line = refusal(make_settings, "")
    assert line == (
        "several plugins 'password' are installed in idp.factors: idp_password:PasswordFactor, plugin_pin:Pin"
    )


def test_the_command_line_shows_it_as_an_error_of_configuration(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    make_settings("plugins: {claims: [absent]}\n")
    (tmp_path / "clients").mkdir()
    file = tmp_path / "idp.yaml"
    result = CliRunner().invoke(main, ["config", "check"], env={"IDP_CONFIG": str(file)})
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{file}:11:10: plugins: no plugin 'absent' is installed in idp.claims")
    assert len(result.stderr.splitlines()) == 1
