"""Settings from file, variables and files that variables name: which one wins, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from idp.rules.assurance import Policy
from idp.settings import Settings, load_settings
from idp.settings_groups import ProfileSettings, Support
from tests.config.samples import SETTINGS, changed, lines_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "idp.yaml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def lines(file: Path, environ: Mapping[str, str]) -> list[str]:
    return lines_of(lambda: load_settings(file, environ), file.parent)


def test_defaults_fill_what_the_file_leaves_out(file: Path) -> None:
    settings = load_settings(file, {})
    assert settings.issuer == "https://idp.example.org"
    assert settings.ephemeral_url == "sql:"
    assert settings.argon2.memory_kib == 19456
    assert settings.plugins.factors == ("password", "totp")
    assert settings.profiles["insured"].mfa == Policy.required()
    assert settings.institution.name == "Caisses Sociales de Monaco"
    assert settings.secure


def test_relative_paths_of_the_file_start_at_its_folder(file: Path) -> None:
    settings = load_settings(file, {})
    assert settings.keyring_file == file.parent / "keyring"
    assert settings.clients_folder == file.parent / "clients"
    assert settings.database_url == f"sqlite:///{file.parent}/idp.sqlite"


def test_absolute_paths_and_paths_of_variables_stay(file: Path) -> None:
    file.write_text(
        changed(SETTINGS, "keyring_file: keyring", "keyring_file: /run/keyring"), encoding="utf-8"
    )
    settings = load_settings(file, {"IDP_THEME_FOLDER": "theme"})
    assert settings.keyring_file == Path("/run/keyring")
    assert settings.theme_folder == Path("theme")


def test_the_variable_names_the_file(file: Path) -> None:
    assert load_settings(environ={"IDP_CONFIG": str(file)}) == load_settings(file, {})


def test_arguments_beat_variables_beat_files_of_variables_beat_the_file(file: Path, tmp_path: Path) -> None:
    file.write_text(SETTINGS + "max_assistants: 1\n", encoding="utf-8")
    named = tmp_path / "value"
    named.write_text("2\n", encoding="utf-8")
    by_file, by_variable = {"IDP_MAX_ASSISTANTS_FILE": str(named)}, {"IDP_MAX_ASSISTANTS": "3"}
    assert load_settings(file, {}).max_assistants == 1
    assert load_settings(file, by_file).max_assistants == 2
    assert load_settings(file, by_file | by_variable).max_assistants == 3
    assert load_settings(file, by_file | by_variable, {"max_assistants": 4}).max_assistants == 4


def test_settings_made_from_arguments_look_at_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_MAX_ASSISTANTS", "3")
    settings = Settings(
        issuer="http://127.0.0.1:8000",
        database_url="sqlite:////var/idp.sqlite",
        keyring_file=Path("keyring"),
        profiles={"insured": ProfileSettings(label="Assuré")},
        support=Support(phone="1", hours="2"),
    )
    assert settings.max_assistants == 10
    assert not settings.secure


def test_nested_keys_lists_and_policies_come_from_variables(file: Path) -> None:
    settings = load_settings(
        file,
        {
            "IDP_ARGON2__WORKERS": "4",
            "IDP_ARGON2": '{"workers": 3, "time_cost": 3}',
            "IDP_PLUGINS__FACTORS": '["password"]',
            "IDP_PROFILES__INSURED__MFA": "optional",
            "IDP_PROFILES__INSURED__SESSION_IDLE": "600",
            "IDP_SUPPORT__PHONE": "0123",
            "HOME": "/not/ours",
        },
    )
    assert (settings.argon2.workers, settings.argon2.time_cost) == (4, 3)
    assert settings.plugins.factors == ("password",)
    assert settings.profiles["insured"].mfa == Policy.optional()
    assert settings.profiles["insured"].session_idle == 600
    assert settings.profiles["insured"].label == "Assuré"
    assert settings.support.phone == "0123"


def test_a_secret_comes_from_the_file_that_a_variable_names_less_its_line_break(
    file: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://idp:pass word @db/idp\r\n", encoding="utf-8")
    settings = load_settings(file, {"IDP_DATABASE_URL_FILE": str(secret)})
    assert settings.database_url == "postgresql://idp:pass word @db/idp"
    assert "pass word" not in repr(settings)
    assert settings.origin(("database_url",)) == f"{secret} (named by IDP_DATABASE_URL_FILE)"


def test_a_setting_whose_own_name_ends_with_file_is_the_setting(file: Path, tmp_path: Path) -> None:
    assert load_settings(file, {"IDP_KEYRING_FILE": "/run/k"}).keyring_file == Path("/run/k")
    named = tmp_path / "value"
    named.write_text("/run/other\n", encoding="utf-8")
    assert load_settings(file, {"IDP_KEYRING_FILE_FILE": str(named)}).keyring_file == Path("/run/other")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("IDP_ISSUR", "x", "IDP_ISSUR: a known setting: did you mean IDP_ISSUER?"),
        ("IDP_ARGON2__WORKER", "1", "IDP_ARGON2__WORKER: a known setting: did you mean IDP_ARGON2__WORKERS?"),
        ("IDP_issuer", "x", "IDP_issuer: a known setting: did you mean IDP_ISSUER?"),
        ("IDP_ARGON2__WORKERS", "many", "IDP_ARGON2__WORKERS: a whole number, without quotes"),
        ("IDP_ARGON2__WORKERS", "0", "IDP_ARGON2__WORKERS: a whole number from 1 to 64"),
        (
            "IDP_ARGON2",
            '{"x": 1}',
            "IDP_ARGON2.x: a known key: one of memory_kib, parallelism, time_cost, workers",
        ),
        (
            "IDP_PLUGINS__FACTORS",
            "totp",
            "IDP_PLUGINS__FACTORS: JSON: a list or an object with text in double quotes",
        ),
        (
            "IDP_PLUGINS__FACTORS",
            "[1]",
            "IDP_PLUGINS__FACTORS[0]: a text (in quotes if it reads like a number)",
        ),
        (
            "IDP_DATABASE_URL_FILE",
            "/none",
            "IDP_DATABASE_URL_FILE: the path of a readable file of UTF-8 text",
        ),
        (
            "IDP_PROFILES__DOCTOR__LABEL",
            "x",
            "IDP_PROFILES__DOCTOR__LABEL: a known key: one of employer, health_professional, insured",
        ),
        (
            "IDP_ISSUER",
            "http://idp.example.org",
            "IDP_ISSUER: https (http only on 127.0.0.1, [::1] or localhost)",
        ),
    ],
)
def test_a_wrong_variable_is_one_line_of_the_environment(
    name: str, value: str, line: str, file: Path
) -> None:
    assert lines(file, {name: value}) == [f"environment:0:0: {line}"]


def test_a_wrong_value_from_a_named_file_is_told_without_the_value(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("mysql://idp:hidden@db", encoding="utf-8")
    assert lines(file, {"IDP_DATABASE_URL_FILE": str(secret)}) == [
        "environment:0:0: IDP_DATABASE_URL_FILE: sqlite:///path of a file, or postgresql://user@host/name"
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("https://idp.example.org", "https://idp.example.org/", "1:9: issuer: scheme, host and port only"),
        ("https://idp.example.org", "https://idp.example.org?x", "1:9: issuer: scheme, host and port only"),
        ("https://idp.example.org", "idp.example.org", "1:9: issuer: an absolute address"),
        ("sqlite:///idp.sqlite", "'sqlite:///:memory:'", "2:15: database_url: sqlite:///path of a file, or"),
        ("sqlite:///idp.sqlite", "sqlite:///", "2:15: database_url: sqlite:///path of a file, or"),
        ("sqlite:///idp.sqlite", "postgresql://idp@db:port/idp", "2:15: database_url: sqlite:///path of a"),
        ("hours: le matin", "hours: le matin\nephemeral_url: redis://h:port", "10:16: ephemeral_url: sql:"),
        ("hours: le matin", "hours: le matin\nephemeral_url: http://host", "10:16: ephemeral_url: sql:"),
        (
            "label: Assuré",
            "label: Assuré\n    session_idle: 30000",
            "6:5: profiles.insured.session_absolute: at least",
        ),
        ("label: Assuré", "lable: Assuré", "6:5: profiles.insured.lable: a known key: did you mean label?"),
        ("  insured:", "  insuree:", "5:3: profiles.insuree: a known key: did you mean insured?"),
        ("support:", "suport:", "7:1: suport: a known key: did you mean support?"),
        ("keyring_file: keyring", "keyring_file: 3", "3:15: keyring_file: a path"),
        ('"+377 00"', "0377", "8:10: support.phone: a decimal number without leading zeros"),
        ("hours: le matin", "hours: le matin\nlisten: on", "10:9: listen: keys with values"),
        (
            "hours: le matin",
            "hours: le matin\nrevocation_lag: 3",
            "10:17: revocation_lag: a whole number from 0 to 2",
        ),
        ("hours: le matin", "hours: le matin\nmax_assistants: true", "10:17: max_assistants: a whole number"),
        ("hours: le matin", "hours: le matin\nmax_assistants: '3'", "10:17: max_assistants: a whole number"),
    ],
)
def test_each_mistake_of_the_file_is_one_line_with_its_place(
    old: str, new: str, line: str, file: Path
) -> None:
    file.write_text(changed(SETTINGS, old, new), encoding="utf-8")
    found = lines(file, {})
    assert any(each.startswith(f"idp.yaml:{line}") for each in found), found


def test_digits_are_refused_without_a_pepper_at_the_place_that_asks_for_them(file: Path) -> None:
    expected = "profiles.insured.password: nist, or digits together with pepper_file"
    file.write_text(changed(SETTINGS, "Assuré", "Assuré\n    password: digits"), encoding="utf-8")
    assert lines(file, {}) == [f"idp.yaml:7:15: {expected}"]
    assert lines(file, {"IDP_PEPPER_FILE": "/run/pepper"}) == []
    file.write_text(SETTINGS, encoding="utf-8")
    (line,) = lines(file, {"IDP_PROFILES__INSURED__PASSWORD": "digits"})
    assert line.startswith("environment:0:0: IDP_PROFILES__INSURED__PASSWORD: nist, or digits")


def test_mistakes_of_file_and_environment_are_told_together(file: Path) -> None:
    file.write_text(changed(SETTINGS, "issuer:", "isuer:"), encoding="utf-8")
    assert [line.split(": ")[1] for line in lines(file, {"IDP_FOO": "1"})] == ["issuer", "isuer", "IDP_FOO"]


def test_settings_say_where_each_value_was_set(file: Path) -> None:
    settings = load_settings(file, {"IDP_LISTEN__PORT": "1"})
    assert settings.origin(("issuer",)) == f"{file}:1:9"
    assert settings.origin(("listen", "port")) == "IDP_LISTEN__PORT"
    assert settings.origin(("listen", "host")) == "default"
