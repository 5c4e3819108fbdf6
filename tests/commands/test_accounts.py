"""``idp accounts``: what is added can sign in, what is disabled cannot, and a mistake is one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idp.accounts import directory
from idp.storage.keyring import Keyring
from tests.commands.conftest import Idp
from tests.provider import Provider, Someone

DOCTOR = Someone("408461", "pluie tabac violon", "LEROUX Ariane")
ADD = ("accounts", "add", DOCTOR.identifier, "--name", DOCTOR.name, "--profile", "health_professional")
PASSWORD = ("--password", DOCTOR.password)


def mistake(idp: Idp, *arguments: str, **more: str) -> str:
    """The one line after click's usage of what must be refused."""
    refused = idp(*arguments, **more)
    assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
    *usage, line = refused.stderr.splitlines()
    assert [words.split()[0] for words in usage if words] == ["Usage:", "Try"]
    return line


def enters(provider: Provider, who: Someone) -> bool:
    browser = provider.browser()
    browser.authorize()
    browser.identify(who)
    return browser.left_for is not None


def test_an_added_account_signs_in_and_is_audited(idp: Idp, provider: Provider) -> None:
    added = idp(*ADD, "--attribute", "adeli=980001234", "--json", typed=f"{DOCTOR.password}\n" * 2)
    assert added.exit_code == 0, added.output
    sub = json.loads(added.stdout.splitlines()[-1])["sub"]
    browser = provider.browser()
    tokens = provider.redeem(browser.sign_in(DOCTOR)).get_json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = provider.http().get("/oauth2/userinfo", headers=headers).get_json()
    assert (told["sub"], told["name"]) == (sub, DOCTOR.name)
    (line,) = provider.audited("account.added")
    assert DOCTOR.password not in str(line)


def test_a_dry_run_adds_nothing_and_says_what_would_happen(idp: Idp, provider: Provider) -> None:
    dry = idp(*ADD, *PASSWORD, "--dry-run")
    assert (dry.exit_code, dry.stdout, dry.stderr) == (0, "", "would be added\n")
    assert not enters(provider, DOCTOR)
    assert idp(*ADD, *PASSWORD).exit_code == 0
    dry = idp(*ADD, *PASSWORD, "--dry-run")
    assert (dry.exit_code, dry.stdout, dry.stderr) == (1, "", "identifier taken\n")


@pytest.mark.parametrize("spelling", ["ABC1", "abc1", " a b c 1", "ＡＢＣ１"])
def test_an_identifier_is_taken_in_every_spelling(idp: Idp, provider: Provider, spelling: str) -> None:
    provider.add("abc1", "Somebody")
    arguments = [spelling if part == DOCTOR.identifier else part for part in ADD]
    assert mistake(idp, *arguments, *PASSWORD).endswith("an account has it already")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize("password", ["7" * 257, "", "\udcff" * 8])
def test_a_password_that_cannot_be_one_is_refused_without_being_shown(
    idp: Idp, provider: Provider, password: str, dry: list[str]
) -> None:
    line = mistake(idp, *ADD, "--password", password, *dry)
    assert line.startswith("Error: Invalid value for --password: ")
    assert not password or password[:8] not in line
    assert not provider.audited("account.added")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("pluie tabac", "15 to 256 characters are expected, not what is too short"),
        ("abcabcabcabcabcabc", "15 to 256 characters are expected, not what is a repetition or a sequence"),
        (
            "leroux ariane 408461",
            "15 to 256 characters are expected, not what is made of what is known of the person",
        ),
        (
            "980001234980001",
            "15 to 256 characters are expected, not what is made of what is known of the person",
        ),
    ],
)
def test_a_password_that_the_policy_refuses_is_refused_with_its_reason(
    idp: Idp, provider: Provider, password: str, expected: str
) -> None:
    line = mistake(idp, *ADD, "--attribute", "adeli=980001234", "--password", password)
    assert line == f"Error: Invalid value for --password: {expected}"
    assert not provider.audited("account.added")


def test_the_funds_digits_are_wanted_where_the_profile_says_so(
    idp: Idp, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "pepper").write_text(Keyring.generate_line("p1") + "\n")
    digits = {
        "IDP_PROFILES__HEALTH_PROFESSIONAL__PASSWORD": "digits",
        "IDP_PEPPER_FILE": str(tmp_path / "pepper"),
    }
    line = mistake(idp, *ADD, *PASSWORD, **digits)
    assert line.endswith("7 to 8 digits are expected, not what is other than digits")
    assert mistake(idp, *ADD, "--password", "48222139", **digits).endswith(
        "one character three times in a row"
    )
    assert idp(*ADD, "--password", "48213975", **digits).exit_code == 0
    with provider.parts.database.read() as connection:
        known = directory.credentials(connection, DOCTOR.identifier)
    assert known is not None
    assert known.password.startswith("$pepper=p1$argon2id$")


def test_the_longest_password_is_taken(idp: Idp, provider: Provider) -> None:
    longest = "".join(chr(0x4E00 + 37 * place % 20_000) for place in range(256))
    assert idp(*ADD, "--password", longest).exit_code == 0
    assert enters(provider, Someone(DOCTOR.identifier, longest, DOCTOR.name))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--profile", "employers", "one of health_professional, insured, employer is expected"),
        ("--name", " ", "1 to 120 visible characters are expected"),
        ("--name", "x" * 121, "1 to 120 visible characters are expected"),
        ("--name", "LEROUX\x1b[2J", "1 to 120 visible characters are expected"),
        ("--name", "LEROUX \udcff", "1 to 120 visible characters are expected"),
        ("--attribute", "adeli", "NAME=VALUE is expected"),
        ("--attribute", "=1", "NAME=VALUE is expected"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused(idp: Idp, option: str, value: str, expected: str) -> None:
    assert mistake(idp, *ADD, *PASSWORD, option, value) == f"Error: Invalid value for {option}: {expected}"


def test_two_passwords_that_differ_are_asked_for_again(idp: Idp, provider: Provider) -> None:
    typed = f"{DOCTOR.password}\nanother\n" + f"{DOCTOR.password}\n" * 2
    assert idp(*ADD, typed=typed).exit_code == 0
    assert enters(provider, DOCTOR)


def test_a_disabled_account_is_out_until_it_is_enabled(idp: Idp, provider: Provider) -> None:
    doctor = provider.add(DOCTOR.identifier, DOCTOR.name)
    refresh = provider.redeem(provider.browser().sign_in(doctor)).get_json()["refresh_token"]
    assert idp("accounts", "disable", doctor.identifier).exit_code == 0
    assert not enters(provider, doctor)
    assert provider.refresh(refresh).get_json()["error"] == "invalid_grant"
    assert idp("accounts", "enable", doctor.identifier).exit_code == 0
    # The command lives by the machine's clock, and what was proved before it does not count.
    provider.clock.set(datetime.now(UTC) + timedelta(seconds=1))
    assert enters(provider, doctor)
    assert len(provider.audited("account.disabled")) == len(provider.audited("account.enabled")) == 1


@pytest.mark.parametrize("verb", ["disable", "enable"])
@pytest.mark.parametrize("identifier", ["999999", "\u200b", "9" * 300])
def test_nobody_else_is_disabled_or_enabled(idp: Idp, provider: Provider, verb: str, identifier: str) -> None:
    provider.add(DOCTOR.identifier, DOCTOR.name)
    assert mistake(idp, "accounts", verb, identifier).endswith("IDENTIFIER: no account has it")
    assert not provider.audited(f"account.{verb}d")


def test_nothing_is_added_before_the_tables_are_there(idp: Idp, elsewhere: dict[str, str]) -> None:
    refused = idp(*ADD, *PASSWORD, **elsewhere)
    assert (refused.exit_code, refused.stderr) == (1, "database: `idp db upgrade` is expected first\n")
